//! The end of a run: `report.json`, `report.txt`, plots.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};
use tachograph_features::FeatureGraph;
use tachograph_metrics::{GroupReport, Report};

use crate::{
    Epoch, Predictor, Result, Sample,
    error::{file, io},
    prepare::Prepared,
};

/// What a run achieved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Hash of the split.
    pub split: String,
    /// Epoch of the chosen weights.
    pub epoch: u32,
    /// Epochs that were run.
    pub epochs: u32,
    /// On the validation set.
    pub validation: Report,
    /// On the test set, measured once, after the choice.
    pub test: Report,
    /// The same, family by family.
    pub families: GroupReport,
    /// Predictions on the test set.
    pub predictions: Vec<Predicted>,
}

/// A prediction beside its measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// Id of the network.
    pub name: String,
    /// Its family.
    pub family: String,
    /// Milliseconds.
    pub predicted_ms: f64,
    /// Milliseconds.
    pub measured_ms: f64,
}

/// Predicts `samples` with the first head and compares.
///
/// # Errors
/// Features of another schema.
pub fn evaluate(predictor: &Predictor, samples: &[Sample]) -> Result<(Report, Vec<f64>)> {
    let features: Vec<&FeatureGraph> = samples.iter().map(|s| &s.features).collect();
    let predictions = predictor.predict_all(&features, 0)?;
    let targets: Vec<f64> = samples.iter().map(|s| s.target).collect();
    Ok((Report::new(&predictions[..], &targets[..], "ms")?, predictions))
}

/// Evaluates the chosen weights and writes the report into `dir`.
pub(crate) fn write(dir: &Path, best: &Predictor, data: &Prepared, epochs: &[Epoch]) -> Result<Outcome> {
    let (validation, _) = evaluate(best, &data.validation)?;
    let (test, predicted) = evaluate(best, &data.test)?;
    let measured: Vec<f64> = data.test.iter().map(|s| s.target).collect();
    let families: Vec<&str> = data.test.iter().map(|s| s.family.as_str()).collect();
    let row = |(sample, &predicted_ms): (&Sample, &f64)| Predicted {
        name: sample.name.clone(),
        family: sample.family.clone(),
        predicted_ms,
        measured_ms: sample.target,
    };
    let training = &best.document().training;
    let outcome = Outcome {
        split: training.split.clone(),
        epoch: training.epoch,
        epochs: epochs.last().map_or(0, |e| e.epoch),
        validation,
        test,
        families: GroupReport::new(&predicted[..], &measured[..], &families, "ms")?,
        predictions: data.test.iter().zip(&predicted).map(row).collect(),
    };
    let path = dir.join("report.json");
    let json = serde_json::to_string_pretty(&outcome).map_err(|e| file(&path, e))?;
    fs::write(&path, json).map_err(io(&path))?;
    let path = dir.join("report.txt");
    fs::write(&path, text(best, &outcome)).map_err(io(&path))?;
    #[cfg(feature = "plots")]
    crate::plots::write(&dir.join("plots"), epochs, &outcome.predictions)?;
    Ok(outcome)
}

fn text(best: &Predictor, outcome: &Outcome) -> String {
    let document = best.document();
    let devices: Vec<&str> = document.devices.iter().map(|d| d.name.as_str()).collect();
    format!(
        "data {}, device {}, {} training samples (fingerprint {})\nsplit {}, seed {}, weights of epoch {} of {}\n\n\
         validation\n{}\n\ntest, by family\n{}\n",
        document.training.data,
        devices.join(", "),
        document.training.networks,
        document.training.fingerprint,
        outcome.split,
        document.training.seed,
        outcome.epoch,
        outcome.epochs,
        outcome.validation,
        outcome.families,
    )
}
