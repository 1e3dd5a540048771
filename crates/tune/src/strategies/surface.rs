//! What is known of a domain before anything is measured there, as a function on it: the times of another device or task, or a
//! formula.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashMap;
use tachograph_program::Point;

use super::{
    evolution::{EvolutionOptions, evolve},
    plan::{Heap, Scorer},
};
use crate::{
    Domain, History, Result, Situation, Source, Trial,
    models::{Formula, RowModel, Trees, TreesOptions, gp::standard},
};

/// Trees that say what was not measured.
const TREES: TreesOptions = TreesOptions { depth: 6, trees: 100, ..TreesOptions::AUTOTVM };

/// So many of the best are candidates wherever a space is too large to be looked at whole.
const BEST: usize = 1000;

/// What a formula likes is bred from so many points in so many generations, and so many are kept. Of each a program is made and
/// read, in a fifth of a millisecond or more: together as long as some candidates are compiled and timed.
const DRAFT: EvolutionOptions = EvolutionOptions { population: 512, generations: 3, ..EvolutionOptions::ANSOR };
const DRAFTS: usize = 500;

/// Rows of a source's trials in the units of this domain, and their throughput relative to its best, 0 for failures; none
/// where nothing ran.
pub(super) fn scored(domain: &Domain, source: &Source) -> Vec<(Vec<f64>, f64)> {
    let times = source.trials.iter().filter_map(|trial| trial.outcome.as_ref().ok().copied());
    let best = times.fold(f64::INFINITY, f64::min);
    if best.is_infinite() {
        return Vec::new();
    }
    let score = |trial: &Trial| trial.outcome.as_ref().map_or(0.0, |time| best / time);
    let row = |trial: &Trial| domain.foreign_row(source.domain.space(), &trial.point);
    source.trials.iter().map(|trial| (row(trial), score(trial))).collect()
}

/// Logarithms of times, clipped at a quantile, with mean 0 and deviation 1; failures are as bad as the worst.
pub(super) struct Surface {
    values: Values,
    scale: Scale,
    /// Its best points, as far as they are here.
    pub best: Vec<Point>,
}

/// Where values come from.
enum Values {
    /// A point that was measured elsewhere has its time, another one what trees make of those.
    Measured { known: FxHashMap<Point, f64>, trees: Option<Box<Trees>> },
    /// Of every point that makes loops.
    Formula(Formula),
}

/// How logarithms become values.
#[derive(Clone, Copy)]
struct Scale {
    mean: f64,
    deviation: f64,
    least: f64,
    worst: f64,
}

impl Scale {
    /// Of these logarithms; `None` where there are none.
    fn new(logs: &[Option<f64>], clip: f64) -> Option<Self> {
        let mut sorted: Vec<f64> = logs.iter().flatten().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let least = *sorted.first()?;
        let worst = sorted[((sorted.len() as f64 - 1.0) * clip) as usize];
        let clipped: Vec<f64> = logs.iter().map(|log| log.unwrap_or(worst).min(worst)).collect();
        let (mean, deviation) = standard(&clipped);
        Some(Self { mean, deviation, least, worst })
    }

    fn at(self, log: Option<f64>) -> f64 {
        (log.unwrap_or(self.worst).min(self.worst) - self.mean) / self.deviation
    }
}

impl Surface {
    /// That of a source; `None` where nothing ran.
    pub fn of_source(domain: &Domain, source: &Source, clip: f64) -> Result<Option<Self>> {
        let log = |trial: &Trial| trial.outcome.as_ref().ok().map(|t| t.ln());
        let logs: Vec<Option<f64>> = source.trials.iter().map(log).collect();
        let Some(scale) = Scale::new(&logs, clip) else { return Ok(None) };
        let values: Vec<f64> = logs.into_iter().map(|log| scale.at(log)).collect();
        let mut known = FxHashMap::default();
        for (trial, &value) in source.trials.iter().zip(&values) {
            if let Some(point) = domain.translated(source.domain.space(), &trial.point) {
                // Of several that are one here, the fastest: what differs there can be as good here.
                known.entry(point).and_modify(|other: &mut f64| *other = other.min(value)).or_insert(value);
            }
        }
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]).then(a.cmp(&b)));
        let here = |i: usize| domain.moved(source.domain.space(), &source.trials[i].point);
        let best = order.into_iter().filter_map(here).take(BEST).collect();
        let mut trees = None;
        if domain.count() != Some(known.len() as u128) {
            let rows: Vec<Vec<f64>> =
                source.trials.iter().map(|trial| domain.foreign_row(source.domain.space(), &trial.point)).collect();
            let mut model = Trees::new(TREES);
            model.fit_rows(&rows, &values, &mut ChaCha8Rng::seed_from_u64(0))?;
            trees = Some(Box::new(model));
        }
        Ok(Some(Self { values: Values::Measured { known, trees }, scale, best }))
    }

    /// That of a formula; `None` where points are no programs, of which others features are read, or none makes loops.
    pub fn of_formula(domain: &Domain, formula: Formula, clip: f64, rng: &mut ChaCha8Rng) -> Result<Option<Self>> {
        if !domain.has_programs() {
            return Ok(None);
        }
        let sample = domain.sample_new(DRAFT.population, |_| false, rng);
        let Some(scale) = Scale::new(&logs(domain, formula, &sample), clip) else { return Ok(None) };
        let (mut scorer, mut heap) = (Scorer::new(domain, &formula, 0.0)?, Heap::new(DRAFTS));
        let history = History::default();
        evolve(Situation { domain, history: &history }, &mut scorer, &mut heap, sample, &DRAFT, &|_| true, rng)?;
        Ok(Some(Self { values: Values::Formula(formula), scale, best: heap.into_points() }))
    }

    /// What one deviation is, as a logarithm.
    pub fn deviation(&self) -> f64 {
        self.scale.deviation
    }

    /// From the least to the largest of the clipped logarithms.
    pub fn range(&self) -> f64 {
        self.scale.worst - self.scale.least
    }

    /// Its values at points.
    pub fn at(&self, domain: &Domain, points: &[Point]) -> Vec<f64> {
        let (known, trees) = match &self.values {
            Values::Formula(formula) => {
                return logs(domain, *formula, points).into_iter().map(|log| self.scale.at(log)).collect();
            }
            Values::Measured { known, trees } => (known, trees),
        };
        let mut found: Vec<Option<f64>> = points.iter().map(|point| known.get(point).copied()).collect();
        let unknown: Vec<usize> = (0..points.len()).filter(|&i| found[i].is_none()).collect();
        if let Some(trees) = trees.as_ref().filter(|_| !unknown.is_empty()) {
            let rows: Vec<Vec<f64>> = unknown.iter().map(|&i| domain.row(&points[i])).collect();
            for (&i, estimate) in unknown.iter().zip(trees.predict_rows(&rows)) {
                found[i] = Some(estimate.mean);
            }
        }
        found.into_iter().map(|value| value.unwrap_or(0.0)).collect()
    }
}

/// Logarithms of a formula's times.
fn logs(domain: &Domain, formula: Formula, points: &[Point]) -> Vec<Option<f64>> {
    let log = |point: &Point| Some(formula.time(&domain.reading(point)?)?.ln());
    points.iter().map(log).collect()
}
