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

#[cfg(test)]
mod tests {
    use super::*;

    fn predictions(factors: impl Iterator<Item = f64>) -> impl Iterator<Item = Predicted> {
        factors.enumerate().map(|(i, factor)| Predicted {
            name: i.to_string(),
            family: String::new(),
            batch: 1,
            output: 0,
            predicted: 1.0,
            measured: factor,
        })
    }

    #[test]
    fn a_fold_is_held_to_the_intervals_of_the_others() {
        let mut held_out = HeldOut::default();
        let spread = || (0..50).map(|i| 0.75 + 0.01 * f64::from(i));
        predictions(spread()).for_each(|p| held_out.add("ours", 0, 0, p));
        assert!(held_out.coverage().is_empty(), "one fold has no other");
        // The second fold lies in the middle of the first, which lies around the second.
        predictions((0..50).map(|i| 0.99 + 4e-4 * f64::from(i))).for_each(|p| held_out.add("ours", 0, 1, p));
        let coverage = held_out.coverage()["ours"];
        let inside = |low: f64, high: f64| spread().filter(|f| (low..high).contains(f)).count();
        assert!(inside(0.99, 1.01) <= 3 && (0.5..0.54).contains(&coverage), "{coverage}");
    }

    #[test]
    fn a_checkpoint_gets_intervals_by_the_names_of_outputs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.safetensors");
        let mut checkpoint = tachograph_predict::Bundled::named("cpu").unwrap().checkpoint().unwrap();
        checkpoint.manifest.outputs[0].interval = None;
        checkpoint.save(&path).unwrap();
        let mut held_out = HeldOut::default();
        predictions((0..50).map(|i| 0.75 + 0.01 * f64::from(i))).for_each(|p| held_out.add("ours", 0, 0, p));
        held_out.calibrate("ours", &checkpoint.manifest.outputs, &path).unwrap();
        let interval = Checkpoint::load(&path).unwrap().manifest.outputs[0].interval.clone().unwrap();
        assert!(interval.source.starts_with("families held out, 50"), "{}", interval.source);
        assert!(held_out.calibrate("theirs", &checkpoint.manifest.outputs, &path).is_err());
    }
}
