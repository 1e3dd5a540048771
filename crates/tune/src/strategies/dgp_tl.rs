//! DGP-TL: a Gaussian process guides annealing after a start of maximum entropy (Sun et al., ICCV 2021).
//!
//! No code of it is known. With records of other tasks or devices the process is the published one: deep, learned on them, it
//! chooses the tuning set and is adapted. Without, it has one layer. The numbers are our choice.

use rand_chacha::ChaCha8Rng;
use tachograph_program::Point;

use super::{
    annealing::{AnnealingOptions, anneal},
    plan::{Queue, Scorer, fit},
    surface::scored,
};
use crate::{
    Domain, History, Result, Situation, Source, Strategy,
    models::{
        CostModel, Gp, Kernel, RowModel,
        gp::{DeepGp, DeepOptions, Hyper, Pool},
    },
};

/// How many candidates the tuning set is drawn from.
const CANDIDATES: usize = 2000;
/// Throughput relative to the best below which it is all the same, failures included.
const LEAST: f64 = 0.02;
/// Most records of the history, half of them its best (ours, for the time it takes).
const RECORDS: usize = 1024;

/// Settings of the search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DgpTlOptions {
    /// The tuning set, and the trials between two adaptations.
    pub start: usize,
    /// κ falls from 1 to 0 over so many trials.
    pub budget: f64,
}

impl DgpTlOptions {
    /// As large as is usual for tuners of its time.
    pub const USUAL: Self = Self { start: 64, budget: 512.0 };
    /// For few trials.
    pub const SHORT: Self = Self { start: 8, budget: 64.0 };
}

/// The strategy.
pub struct DgpTl {
    options: DgpTlOptions,
    model: Gp,
    deep: Option<DeepGp>,
    chains: Vec<Point>,
    queue: Queue,
}

impl DgpTl {
    /// Nothing learned yet.
    pub fn new(options: DgpTlOptions) -> Self {
        Self { options, model: Gp::new(Kernel::RBF, 20), deep: None, chains: Vec::new(), queue: Queue::default() }
    }

    /// Adapts the deep process: log₂ of throughput relative to the best.
    fn adapt(&mut self, domain: &Domain, history: &History, rng: &mut ChaCha8Rng) -> Result<()> {
        let Some(deep) = &mut self.deep else { return fit(&mut self.model, domain, history, rng) };
        let row = |trial: &crate::Trial| (domain.row(&trial.point), history.score(trial).max(LEAST).log2());
        let (rows, values): (Vec<Vec<f64>>, Vec<f64>) = history.trials().iter().map(row).unzip();
        deep.fit_rows(&rows, &values, rng)
    }
}

/// Points of large joint entropy ½ log det(2πe (K + σ²I)): again and again the candidate of which least is known given those
/// before.
pub fn maximum_entropy(domain: &Domain, n: usize, candidates: usize, rng: &mut ChaCha8Rng) -> Vec<Point> {
    let points = domain.sample_new(candidates, |_| false, rng);
    let rows: Vec<Vec<f64>> = points.iter().map(|point| domain.row(point)).collect();
    of_rows(&points, &rows, &Hyper::prior(domain.width()), n)
}

fn of_rows(points: &[Point], rows: &[Vec<f64>], hyper: &Hyper, n: usize) -> Vec<Point> {
    let mut pool = Pool::new(Kernel::RBF, hyper.clone(), rows);
    let mut taken = vec![false; points.len()];
    let mut chosen = Vec::new();
    while chosen.len() < n.min(points.len()) {
        let variances = pool.variances();
        let left = (0..points.len()).filter(|&i| !taken[i]);
        let Some(i) = left.reduce(|a, b| if variances[b] > variances[a] { b } else { a }) else { break };
        taken[i] = true;
        pool.observe(&rows[i]);
        chosen.push(points[i].clone());
    }
    chosen
}

impl Strategy for DgpTl {
    fn remember(&mut self, domain: &Domain, sources: &[Source]) -> Result<bool> {
        let mut records: Vec<(Vec<f64>, f64)> = sources.iter().flat_map(|source| scored(domain, source)).collect();
        if records.len() > RECORDS {
            records.sort_by(|a, b| b.1.total_cmp(&a.1));
            let rest = records.split_off(RECORDS / 2);
            let step = rest.len().div_ceil(RECORDS / 2);
            records.extend(rest.into_iter().step_by(step));
        }
        if records.is_empty() {
            return Ok(false);
        }
        let (rows, scores): (Vec<_>, Vec<f64>) = records.into_iter().unzip();
        let values = scores.into_iter().map(|score| score.max(LEAST).log2()).collect();
        self.deep = Some(DeepGp::new(DeepOptions::SMALL, rows, values));
        Ok(true)
    }

    fn ask(&mut self, now: Situation<'_>, n: usize, rng: &mut ChaCha8Rng) -> Result<Vec<Point>> {
        let Situation { domain, history } = now;
        let waiting = self.queue.take(n, history);
        if !waiting.is_empty() {
            return Ok(waiting);
        }
        let start = self.options.start;
        if history.len() < start {
            let left = start - history.len();
            let hidden = self.deep.as_mut().and_then(|deep| {
                deep.start(rng);
                let points = domain.sample_new(CANDIDATES, |point| history.has(point), rng);
                let rows: Vec<Vec<f64>> = points.iter().map(|point| domain.row(point)).collect();
                Some((points, deep.hidden(&rows)?))
            });
            self.queue.fill(match hidden {
                // In the coordinates of the second layer, whose lengths are 1 there.
                Some((points, rows)) => {
                    let width = rows.first().map_or(0, Vec::len);
                    of_rows(&points, &rows, &Hyper { lengths: vec![0.0; width], ..Hyper::prior(width) }, left)
                }
                None => maximum_entropy(domain, left, CANDIDATES, rng),
            });
        } else {
            self.adapt(domain, history, rng)?;
            let doubt = (1.0 - history.len() as f64 / self.options.budget).max(0.0);
            let model: &dyn CostModel = match &self.deep {
                Some(deep) => deep,
                None => &self.model,
            };
            let mut scorer = Scorer::new(domain, model, doubt)?;
            let options = AnnealingOptions { random: 0.0, plan: start, ..AnnealingOptions::AUTOTVM };
            self.queue.fill(anneal(domain, history, &mut scorer, &mut self.chains, options, rng)?);
        }
        Ok(self.queue.take(n, history))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use tachograph_program::{Choice, Decision, Sketch, Space};

    #[test]
    fn what_is_farthest_carries_most_entropy() {
        let options = (8..17).map(|i: u32| i.to_string()).collect();
        let decisions = vec![Decision::Category { name: "x".into(), options }];
        let space = Space { sketches: vec![Sketch { name: "line".into(), decisions, steps: Vec::new() }] };
        let domain = Domain::new(space);
        for seed in 0..5 {
            let found = maximum_entropy(&domain, 2, 9, &mut ChaCha8Rng::seed_from_u64(seed));
            let at = |point: &Point| match point.choices[0] {
                Choice::Category(i) => i,
                _ => usize::MAX,
            };
            // Whatever comes first, the end that is farther follows.
            let (first, second) = (at(&found[0]), at(&found[1]));
            assert!(second == if first > 4 { 0 } else { 8 } || (first, second) == (4, 0), "{first} {second}");
        }
    }
}
