//! The end of a run: `report.json`, `report.txt`, plots.

use std::{collections::BTreeMap, fmt::Write, fs, path::Path};

use serde::{Deserialize, Serialize};
use tachograph_metrics::{GroupReport, Report};

use crate::{
    Epoch, Output, Predicted, Result, TorchPredictor,
    error::{file, io},
    evaluate::{columns, evaluate_in},
    group::Group,
    interval::{NOMINAL, coverage},
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
    /// On the validation set, the mean over outputs; with `refit` that was learned from.
    pub validation: Report,
    /// On the test set, measured once, after the choice; the mean over outputs.
    pub test: Report,
    /// On the test set, output by output.
    pub outputs: BTreeMap<String, Report>,
    /// The same of all outputs together, family by family.
    pub families: GroupReport,
    /// Share of the test set within the intervals, which are calibrated on the validation set to hold 80 %; `None` where
    /// too little was validated on, or that was learned from.
    #[serde(default)]
    pub coverage: Option<f64>,
    /// Predictions on the test set.
    pub predictions: Vec<Predicted>,
}

/// Evaluates the chosen weights and writes the report into `dir`.
pub(crate) fn write(
    group: &Group,
    dir: &Path,
    best: &TorchPredictor,
    data: &Prepared,
    epochs: &[Epoch],
) -> Result<Outcome> {
    let validation = evaluate_in(group, best, &data.validation)?;
    let test = evaluate_in(group, best, &data.test)?;
    let (predicted, measured) = columns(test.predictions.iter());
    let families: Vec<&str> = test.predictions.iter().map(|row| row.family.as_str()).collect();
    let training = &best.manifest().training;
    let outcome = Outcome {
        split: training.split.clone(),
        epoch: training.epoch,
        epochs: epochs.last().map_or(0, |e| e.epoch),
        coverage: training.validation_mape.and_then(|_| coverage(&validation.predictions, &test.predictions)),
        validation: validation.report,
        families: GroupReport::new(&predicted[..], &measured[..], &families, &test.report.unit)?,
        test: test.report,
        outputs: test.outputs,
        predictions: test.predictions,
    };
    if !group.is_root() {
        return Ok(outcome);
    }
    let path = dir.join("report.json");
    let json = serde_json::to_string_pretty(&outcome).map_err(|e| file(&path, e))?;
    fs::write(&path, json).map_err(io(&path))?;
    let path = dir.join("report.txt");
    fs::write(&path, text(best, &outcome)).map_err(io(&path))?;
    #[cfg(feature = "plots")]
    {
        let quantities: Vec<_> = best.manifest().outputs.iter().map(|output| output.quantity).collect();
        crate::plots::write(&dir.join("plots"), epochs, &outcome.predictions, &quantities)?;
    }
    Ok(outcome)
}

fn text(best: &TorchPredictor, outcome: &Outcome) -> String {
    let manifest = best.manifest();
    let devices: Vec<String> = manifest.outputs.iter().map(Output::title).collect();
    let mut text = format!(
        "data {}, device {}, {} training samples (fingerprint {})\nsplit {}, seed {}, weights of epoch {} of {}\n\n\
         validation{}\n{}\n\ntest, by family\n{}\n",
        manifest.training.data,
        devices.join(", "),
        manifest.training.networks,
        manifest.training.fingerprint,
        outcome.split,
        manifest.training.seed,
        outcome.epoch,
        outcome.epochs,
        if manifest.training.validation_mape.is_some() { "" } else { ", learned from" },
        outcome.validation,
        outcome.families,
    );
    if let Some(coverage) = outcome.coverage {
        let (nominal, held) = (100.0 * NOMINAL, 100.0 * coverage);
        let _ = writeln!(
            text,
            "\n{nominal:.0} % intervals, calibrated on the validation set, hold {held:.1} % of the test set"
        );
    }
    if outcome.outputs.len() > 1 {
        for (output, report) in &outcome.outputs {
            let _ = write!(text, "\ntest, {output}\n{report}\n");
        }
    }
    text
}
