//! The times of another device or task as a function on this domain.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashMap;
use tachograph_program::Point;

use crate::{
    Domain, Result, Source, Trial,
    models::{RowModel, Trees, TreesOptions, gp::standard},
};

/// Trees that say what was not measured.
const TREES: TreesOptions = TreesOptions { depth: 6, trees: 100, ..TreesOptions::AUTOTVM };

/// So many of the best are candidates wherever a space is too large to be looked at whole.
const BEST: usize = 1000;

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

/// Logarithms of the times of a source, clipped at a quantile, with mean 0 and deviation 1; failures are as bad as the worst.
/// A point that was measured there has its time, another one what trees make of those.
pub(super) struct Surface {
    known: FxHashMap<Point, f64>,
    /// Its best points, as far as they are here.
    pub best: Vec<Point>,
    trees: Option<Trees>,
    /// The deviation of the clipped logarithms, and from the least to the largest of them.
    pub deviation: f64,
    pub range: f64,
}

impl Surface {
    /// `None` for a source in which nothing ran.
    pub fn new(domain: &Domain, source: &Source, clip: f64) -> Result<Option<Self>> {
        let log = |trial: &Trial| trial.outcome.as_ref().ok().map(|t| t.ln());
        let mut sorted: Vec<f64> = source.trials.iter().filter_map(log).collect();
        sorted.sort_by(f64::total_cmp);
        let (Some(&least), Some(&worst)) =
            (sorted.first(), sorted.get(((sorted.len().max(1) as f64 - 1.0) * clip) as usize))
        else {
            return Ok(None);
        };
        let values: Vec<f64> = source.trials.iter().map(|trial| log(trial).unwrap_or(worst).min(worst)).collect();
        let (mean, deviation) = standard(&values);
        let values: Vec<f64> = values.iter().map(|value| (value - mean) / deviation).collect();
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
            trees = Some(model);
        }
        Ok(Some(Self { known, best, trees, deviation, range: worst - least }))
    }

    /// Its values at points.
    pub fn at(&self, domain: &Domain, points: &[Point]) -> Vec<f64> {
        let mut found: Vec<Option<f64>> = points.iter().map(|point| self.known.get(point).copied()).collect();
        let unknown: Vec<usize> = (0..points.len()).filter(|&i| found[i].is_none()).collect();
        if let Some(trees) = self.trees.as_ref().filter(|_| !unknown.is_empty()) {
            let rows: Vec<Vec<f64>> = unknown.iter().map(|&i| domain.row(&points[i])).collect();
            for (&i, estimate) in unknown.iter().zip(trees.predict_rows(&rows)) {
                found[i] = Some(estimate.mean);
            }
        }
        found.into_iter().map(|value| value.unwrap_or(0.0)).collect()
    }
}
