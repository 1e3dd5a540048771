//! Bayesian optimisation: a Gaussian process of the logarithm of the time, and the candidate that promises most.
//!
//! Everything that the ablation of `docs/tuning.md` turns on and off is an option here.

use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashMap;
use tachograph_program::Point;

use super::{
    Acquisition, design,
    devices::{Devices, Transfer},
};
use crate::{
    Domain, History, Result, Situation, Source, Strategy,
    models::{
        Formula, Kernel,
        gp::{Hyper, MOST, Pool, newest_and_best, standard},
    },
};

/// What stands for a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// Its logarithm.
    Log,
    /// Its logarithm, no larger than this quantile of those measured: how bad the bad ones are is of no interest.
    Clipped(f64),
    /// Its logarithm above the median, compressed to a square root: slower ones are told apart, but less.
    Compressed,
}

/// First points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// So many random ones.
    Random(usize),
    /// So many that are far from each other ([`design::spread`]).
    Spread(usize),
}

/// What the strategy is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianOptions {
    /// First points.
    pub start: Start,
    /// The covariance.
    pub kernel: Kernel,
    /// How promise is measured.
    pub acquisition: Acquisition,
    /// What stands for a time.
    pub target: Target,
    /// How many candidates are looked at in each step; spaces with no more points are looked at whole.
    pub candidates: usize,
    /// Whether products of sizes are columns too.
    pub products: bool,
    /// The parameters are fitted again when the trials have grown by this factor.
    pub refit: f64,
    /// How trials of other devices and tasks are used, and the formula; not at all where `None`.
    pub transfer: Option<Transfer>,
    /// What is thought of programs before they are measured, where the domain reads its features.
    pub formula: Option<Formula>,
}

impl GaussianOptions {
    /// The textbook: ten random points, Matérn 5/2, expected improvement on the logarithm of time.
    pub const PLAIN: Self = Self {
        start: Start::Random(10),
        kernel: Kernel::MATERN,
        acquisition: Acquisition::Improvement,
        target: Target::Log,
        candidates: 20_000,
        products: false,
        refit: 1.15,
        transfer: None,
        formula: None,
    };

    /// The textbook's over devices.
    pub const DEVICES: Self = Self { transfer: Some(Transfer::CHOSEN), ..Self::PLAIN };

    /// Ours, as the ablation of `docs/tuning.md` has it.
    pub const TACHOGRAPH: Self = Self {
        start: Start::Spread(8),
        kernel: Kernel { additive: true, ..Kernel::MATERN },
        target: Target::Clipped(0.75),
        transfer: Some(Transfer::CHOSEN),
        formula: Some(Formula::Code),
        ..Self::PLAIN
    };
}

/// The most candidates where a formula is asked of each.
const READ: usize = 1_500;

/// The strategy.
pub struct Gaussian {
    options: GaussianOptions,
    candidates: Vec<Point>,
    rows: Vec<Vec<f64>>,
    index: FxHashMap<Point, usize>,
    whole: bool,
    /// Trials that the process has seen, by their numbers.
    seen: Vec<usize>,
    /// Trials that it was shown.
    upto: usize,
    pool: Option<Pool>,
    next_fit: usize,
    start: Vec<Point>,
    /// What is known from elsewhere, and its functions at what the process has seen.
    devices: Option<Devices>,
    functions: Vec<Vec<f64>>,
    begun: bool,
}

impl Gaussian {
    /// Nothing learned yet.
    pub fn new(options: GaussianOptions) -> Self {
        let (candidates, rows, index, seen, start, functions) = Default::default();
        let (whole, upto, pool, next_fit, devices, begun) = (false, 0, None, 0, None, false);
        Self { options, candidates, rows, index, whole, seen, upto, pool, next_fit, start, devices, functions, begun }
    }

    fn row(&self, domain: &Domain, point: &Point) -> Vec<f64> {
        match self.options.products {
            true => domain.encoding().row_with_products(point),
            false => domain.row(point),
        }
    }

    fn candidates(&mut self, domain: &Domain, history: &History, rng: &mut ChaCha8Rng) {
        if self.whole {
            return;
        }
        let reads = self.devices.as_ref().is_some_and(Devices::reads_programs);
        let limit = if reads { self.options.candidates.min(READ) } else { self.options.candidates };
        let all = domain.count().and_then(|count| usize::try_from(count).ok()).filter(|&count| count <= limit);
        if let Some(count) = all {
            self.candidates = (0..count).filter_map(|i| domain.nth(i as u128)).collect();
            self.whole = true;
        } else {
            // A large space: a sample, and the surroundings of the best, here and elsewhere.
            // Elsewhere has no more than a third, so that the others have their part however much was measured there.
            let elsewhere = self.devices.iter().flat_map(|devices| devices.best(limit / 3));
            let mut near: Vec<Point> = elsewhere.cloned().collect();
            for trial in history.ranked().into_iter().take(10) {
                near.extend(domain.neighbours(&trial.point));
                let mut walk = trial.point.clone();
                for i in 0..60 {
                    walk = domain.mutate(if i % 3 == 0 { &trial.point } else { &walk }, rng);
                    near.push(walk.clone());
                }
            }
            let sample = domain.sample_new(limit / 2, |_| false, rng);
            let mut known = rustc_hash::FxHashSet::default();
            self.candidates = near.into_iter().chain(sample).filter(|point| known.insert(point.clone())).collect();
            self.candidates.truncate(limit);
        }
        self.rows = self.candidates.iter().map(|point| self.row(domain, point)).collect();
        self.index = self.candidates.iter().enumerate().map(|(i, point)| (point.clone(), i)).collect();
        if let Some(devices) = &mut self.devices {
            let functions = devices.functions(domain, &self.candidates);
            devices.widen(&mut self.rows, &functions);
            devices.candidates(functions);
        }
    }

    /// What the process learns: small is good; failures are as bad as the worst.
    fn targets(&self, history: &History) -> Vec<f64> {
        let log = |trial: &crate::Trial| trial.outcome.as_ref().ok().map(|t| t.ln());
        let logs: Vec<Option<f64>> = history.trials().iter().map(log).collect();
        let mut sorted: Vec<f64> = logs.iter().flatten().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let quantile = |q: f64| sorted.get(((sorted.len() as f64 - 1.0) * q) as usize).copied().unwrap_or(0.0);
        // Where sources say what is good, there may be nothing bad among a few.
        let least = self.devices.as_ref().map_or(f64::NEG_INFINITY, |devices| quantile(0.0) + devices.range());
        let worst = quantile(1.0).max(least);
        let shape = |log: f64| match self.options.target {
            Target::Log => log,
            Target::Clipped(q) => log.min(quantile(q).max(least)),
            Target::Compressed => {
                let (least, median) = (quantile(0.0), quantile(0.5));
                let unit = (median - least).max(1e-9);
                if log <= median { log } else { median + unit * (((log - median) / unit + 1.0).sqrt() - 1.0) }
            }
        };
        logs.into_iter().map(|log| shape(log.unwrap_or(worst))).collect()
    }

    /// Brings the process up to date; values of what it has seen.
    fn learn(&mut self, now: Situation<'_>, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let targets = self.targets(now.history);
        let fresh = self.pool.is_none() || now.history.len() >= self.next_fit;
        if fresh {
            self.candidates(now.domain, now.history, rng);
            let negative: Vec<f64> = targets.iter().map(|t| -t).collect();
            self.seen = newest_and_best(&negative, MOST);
        } else {
            self.seen.extend(self.upto..now.history.len());
        }
        self.upto = now.history.len();
        let values: Vec<f64> = self.seen.iter().map(|&i| targets[i]).collect();
        let (mean, deviation) = standard(&values);
        let deviation = self.devices.as_ref().map_or(deviation, Devices::unit);
        let mut values: Vec<f64> = values.iter().map(|v| (v - mean) / deviation).collect();
        let mut rows: Vec<Vec<f64>> =
            self.seen.iter().map(|&i| self.row(now.domain, &now.history.trials()[i].point)).collect();
        if let Some(devices) = &self.devices {
            let points: Vec<Point> = self.seen.iter().map(|&i| now.history.trials()[i].point.clone()).collect();
            self.functions = devices.functions(now.domain, &points);
            devices.widen(&mut rows, &self.functions);
        }
        if fresh {
            let before = self.pool.as_ref().map(|pool| pool.hyper().clone());
            let steps = if before.is_some() { 20 } else { 40 };
            let kernel = self.options.kernel;
            let hyper = match &self.devices {
                None => {
                    let start = before.unwrap_or_else(|| Hyper::prior(rows.first().map_or(0, Vec::len)));
                    start.fit(kernel, &rows, &values, steps)
                }
                Some(devices) if rows.is_empty() => devices.hyper.clone(),
                Some(devices) => {
                    let rest = devices.rest(&self.functions, &values);
                    before.as_ref().unwrap_or(&devices.hyper).fit_near(&devices.hyper, kernel, &rows, &rest, steps)
                }
            };
            self.pool = Some(Pool::new(self.options.kernel, hyper, &self.rows));
            self.next_fit = ((now.history.len() as f64 * self.options.refit) as usize).max(now.history.len() + 2);
        }
        if let Some(pool) = &mut self.pool {
            let mut i = pool.observations();
            while i < self.seen.len() {
                if pool.observe(&rows[i]) {
                    i += 1;
                } else {
                    // It says nothing that the others have not said.
                    self.seen.remove(i);
                    values.remove(i);
                    rows.remove(i);
                    for function in &mut self.functions {
                        function.remove(i);
                    }
                }
            }
        }
        values
    }

    /// Means and variances of all candidates.
    fn posterior(&mut self, values: &[f64]) -> (Vec<f32>, Vec<f32>) {
        let Some(pool) = &self.pool else { return Default::default() };
        let trended = self.devices.as_mut().and_then(|devices| devices.posterior(pool, &self.functions, values));
        match trended {
            Some(trended) => (trended.means, trended.variances),
            None => (pool.means(values), pool.variances().to_vec()),
        }
    }
}

impl Strategy for Gaussian {
    fn remember(&mut self, domain: &Domain, sources: &[Source]) -> Result<bool> {
        self.begun = true;
        if let Some(transfer) = self.options.transfer {
            self.devices = Devices::new(transfer, self.options.kernel, domain, sources, self.options.formula)?;
        }
        Ok(self.devices.as_ref().is_some_and(Devices::of_sources))
    }

    fn ask(&mut self, now: Situation<'_>, n: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        if !self.begun {
            self.remember(now.domain, &[])?;
        }
        let (Start::Random(first) | Start::Spread(first)) = self.options.start;
        if self.devices.is_none() && (now.history.len() < first || now.history.best().is_none()) {
            if self.start.is_empty() {
                let left = first.saturating_sub(now.history.len()).max(1);
                self.start = match self.options.start {
                    Start::Random(_) => now.domain.sample_new(left, |point| now.history.has(point), rng),
                    Start::Spread(_) => design::spread(now, left, rng),
                };
                self.start.reverse();
            }
            return Ok(self.start.split_off(self.start.len().saturating_sub(n)).into_iter().rev().collect());
        }
        let mut values = self.learn(now, rng);
        let mut taken = vec![false; self.candidates.len()];
        let mut mark = |point: &Point| {
            if let Some(&i) = self.index.get(point) {
                taken[i] = true
            }
        };
        now.history.trials().iter().for_each(|trial| mark(&trial.point));
        let mut found = Vec::new();
        let observed = values.len();
        let best = values.iter().copied().fold(f64::INFINITY, f64::min);
        while found.len() < n {
            let (means, variances) = self.posterior(&values);
            if means.is_empty() {
                break;
            }
            let mut most: Option<(f64, usize)> = None;
            for i in (0..taken.len()).filter(|&i| !taken[i]) {
                let deviation = f64::from(variances[i]).max(1e-12).sqrt();
                let (mean, trial) = (f64::from(means[i]), now.history.len() + found.len());
                let promise = match best.is_finite() {
                    true => self.options.acquisition.promise(mean, deviation, best, trial, rng),
                    // Nothing measured: what was best elsewhere.
                    false => -mean,
                };
                if most.is_none_or(|(other, _)| promise > other) {
                    most = Some((promise, i));
                }
            }
            let Some((_, i)) = most else { break };
            taken[i] = true;
            found.push(self.candidates[i].clone());
            // In a batch, the others are chosen as if this had turned out as expected.
            if found.len() < n && self.pool.as_mut().is_some_and(|pool| pool.observe(&self.rows[i])) {
                values.push(f64::from(means[i]));
                if let Some(devices) = &self.devices {
                    let more = devices.functions(now.domain, std::slice::from_ref(&self.candidates[i]));
                    self.functions.iter_mut().zip(more).for_each(|(function, more)| function.extend(more));
                }
            }
        }
        if let Some(pool) = &mut self.pool {
            pool.truncate(observed);
        }
        Ok(found)
    }
}
