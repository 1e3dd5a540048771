//! Intervals from the folds of cross-validation.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use tachograph_predict::{Checkpoint, Output, OutputId};
use tachograph_train::{Predicted, calibrate, coverage};

/// Predictions for networks held out, fold by fold, of every predictor and seed.
#[derive(Default)]
pub struct HeldOut(BTreeMap<(String, u64), BTreeMap<usize, Vec<Predicted>>>);

impl HeldOut {
    /// Adds a prediction on the test part of a fold.
    pub fn add(&mut self, predictor: &str, seed: u64, fold: usize, prediction: Predicted) {
        self.0.entry((predictor.into(), seed)).or_default().entry(fold).or_default().push(prediction);
    }

    /// For each predictor, the share of a fold within the intervals that all other folds calibrate, output by output:
    /// the mean over folds, outputs and seeds. There is none where a fold has no other.
    pub fn coverage(&self) -> BTreeMap<&str, f64> {
        let mut counts: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
        for ((predictor, _), folds) in &self.0 {
            let (inside, all) = counts.entry(predictor).or_default();
            for (fold, rows) in folds {
                let others = folds.iter().filter(|(f, _)| *f != fold).flat_map(|(_, rows)| rows).cloned();
                let Some(coverage) = coverage(&others.collect::<Vec<_>>(), rows) else { continue };
                *inside += coverage * rows.len() as f64;
                *all += rows.len();
            }
        }
        let share = |(name, (inside, all))| (all > 0).then(|| (name, inside / all as f64));
        counts.into_iter().filter_map(share).collect()
    }

    /// Gives a checkpoint the intervals that all folds of `predictor` calibrate, those of seed 0.
    pub fn calibrate(&self, predictor: &str, outputs: &[Output], checkpoint: &Path) -> Result<()> {
        let folds = self.0.get(&(predictor.into(), 0)).with_context(|| format!("no row `{predictor}`"))?;
        let mut loaded = Checkpoint::load(checkpoint)?;
        let position = |output: usize| {
            let output = &outputs[output];
            loaded.manifest.output(Some(&output.name), output.quantity).map(OutputId::index)
        };
        let rows = folds.values().flatten().map(|row| Ok(Predicted { output: position(row.output)?, ..row.clone() }));
        let rows: Vec<Predicted> = rows.collect::<Result<_>>()?;
        calibrate(&mut loaded.manifest, &rows, "families held out");
        Ok(loaded.save(checkpoint)?)
    }
}
