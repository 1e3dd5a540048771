//! A process over devices: the times of another device or task, times a weight, and a Gaussian process of what is left
//! (Kennedy and O'Hagan, Biometrika 2000). A formula of a program's time is to it one more device, which has measured everything.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tachograph_program::Point;

use super::surface::Surface;
use crate::{
    Domain, Result, Source,
    models::{
        Formula, Kernel,
        gp::{Hyper, Pool, Trend, Trended},
    },
};

/// How sources are used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transfer {
    /// Times of a source are clipped at this quantile.
    pub clip: f64,
    /// The weights of all sources together are thought to be 1, give or take this much.
    pub doubt: f64,
    /// The deviation of what is left, before there are data, in deviations of the source.
    pub rest: f64,
    /// Whether the sources are columns too, so that what is left may depend on them.
    pub columns: bool,
    /// Whether the lengths of what is left are thought to be those that fit the first source.
    pub lengths: bool,
}

impl Transfer {
    /// As chosen in `docs/tuning.md`.
    pub const CHOSEN: Self = Self { clip: 0.5, doubt: 0.5, rest: 0.5, columns: false, lengths: true };
}

/// The deviation of the logarithm of the ratio of two devices' times: anything.
const RATIO: f64 = 10.0;

/// Rows of the first source that lengths are fitted to.
const FITTED: usize = 160;

/// What is known from elsewhere.
pub(super) struct Devices {
    options: Transfer,
    surfaces: Vec<Surface>,
    /// What is thought of the process of what is left.
    pub hyper: Hyper,
    /// The weights as last learned: of a constant, and of each source.
    pub weights: Vec<f64>,
    trend: Trend,
    /// How many of the surfaces are of sources; a formula may come after them.
    measured: usize,
}

impl Devices {
    /// `None` where no source has anything to say, and the formula neither.
    pub fn new(
        options: Transfer,
        kernel: Kernel,
        domain: &Domain,
        sources: &[Source],
        formula: Option<Formula>,
    ) -> Result<Option<Self>> {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut surfaces = Vec::new();
        for source in sources {
            surfaces.extend(Surface::of_source(domain, source, options.clip)?);
        }
        let measured = surfaces.len();
        if let Some(formula) = formula {
            surfaces.extend(Surface::of_formula(domain, formula, options.clip, &mut rng)?);
        }
        if surfaces.is_empty() {
            return Ok(None);
        }
        let width = domain.width() + if options.columns { surfaces.len() } else { 0 };
        let mut hyper = Hyper::prior(width);
        if options.lengths {
            let (rows, points): (Vec<Vec<f64>>, Vec<Point>) = match sources.first() {
                Some(source) => {
                    let step = source.trials.len().div_ceil(FITTED);
                    let here = |point: &Point| domain.moved(source.domain.space(), point);
                    let row = |point: &Point| domain.foreign_row(source.domain.space(), point);
                    let trials = source.trials.iter().step_by(step.max(1));
                    trials.filter_map(|trial| Some((row(&trial.point), here(&trial.point)?))).unzip()
                }
                None => {
                    let points = domain.sample_new(FITTED / 2, |_| false, &mut rng);
                    (points.iter().map(|point| domain.row(point)).collect(), points)
                }
            };
            let values = surfaces[0].at(domain, &points);
            let fitted = Hyper::prior(domain.width()).fit(kernel, &rows, &values, 40);
            hyper.lengths[..fitted.lengths.len()].copy_from_slice(&fitted.lengths);
            hyper.mix = fitted.mix;
        }
        hyper.signal = 2.0 * options.rest.ln();
        let mut weights = vec![1.0 / surfaces.len() as f64; surfaces.len() + 1];
        weights[0] = 0.0;
        Ok(Some(Self { options, surfaces, hyper, weights, trend: Trend::new(Vec::new()), measured }))
    }

    /// Whether any source has something to say.
    pub fn of_sources(&self) -> bool {
        self.measured > 0
    }

    /// Whether a formula is asked of every candidate, which takes longer than all else.
    pub fn reads_programs(&self) -> bool {
        self.surfaces.len() > self.measured
    }

    /// What one deviation is: that of the sources.
    pub fn unit(&self) -> f64 {
        self.surfaces.iter().map(|surface| surface.deviation()).sum::<f64>() / self.surfaces.len() as f64
    }

    /// From the best time to where times are clipped, as logarithms.
    pub fn range(&self) -> f64 {
        self.surfaces.iter().map(|surface| surface.range()).fold(0.0, f64::max)
    }

    /// The best points of all sources, of each as many, so many in all at most.
    pub fn best(&self, most: usize) -> impl Iterator<Item = &Point> {
        let each = most / self.surfaces.len();
        self.surfaces.iter().flat_map(move |surface| surface.best.iter().take(each))
    }

    /// The constant and each source at points, function after function.
    pub fn functions(&self, domain: &Domain, points: &[Point]) -> Vec<Vec<f64>> {
        let sources = self.surfaces.iter().map(|surface| surface.at(domain, points));
        std::iter::once(vec![1.0; points.len()]).chain(sources).collect()
    }

    /// The sources as columns of rows, where they are.
    pub fn widen(&self, rows: &mut [Vec<f64>], functions: &[Vec<f64>]) {
        if self.options.columns {
            for (i, row) in rows.iter_mut().enumerate() {
                // A column spans about 1, a source about 4 deviations.
                row.extend(functions[1..].iter().map(|function| function[i] / 4.0));
            }
        }
    }

    /// These are the candidates now.
    pub fn candidates(&mut self, functions: Vec<Vec<f64>>) {
        let sources = self.surfaces.len() as f64;
        let weight = |k: usize| match k {
            0 => (0.0, RATIO),
            _ => (1.0 / sources, self.options.doubt / sources.sqrt()),
        };
        let single = |values: Vec<f64>| values.into_iter().map(|v| v as f32).collect();
        self.trend =
            Trend::new(functions.into_iter().enumerate().map(|(k, values)| (single(values), weight(k))).collect());
    }

    /// What the sources do not say of values, apart from a constant.
    pub fn rest(&self, functions: &[Vec<f64>], values: &[f64]) -> Vec<f64> {
        let said = |i: usize| functions.iter().zip(&self.weights).map(|(function, w)| w * function[i]).sum::<f64>();
        let mut rest: Vec<f64> = values.iter().enumerate().map(|(i, value)| value - said(i)).collect();
        let mean = rest.iter().sum::<f64>() / rest.len().max(1) as f64;
        rest.iter_mut().for_each(|rest| *rest -= mean);
        rest
    }

    /// What is known of the candidates.
    pub fn posterior(&mut self, pool: &Pool, functions: &[Vec<f64>], values: &[f64]) -> Option<Trended> {
        let found = self.trend.posterior(pool, functions, values)?;
        self.weights.clone_from(&found.weights);
        Some(found)
    }
}
