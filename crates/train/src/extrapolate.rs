//! A finished checkpoint on networks of another set.

use std::{collections::BTreeMap, fs, path::Path};

use serde::Serialize;
use tachograph_ir::Quantity;
use tachograph_metrics::GroupReport;
use tch::Device;

use crate::{
    Corpus, Evaluation, Example, Output, Predicted, Query, Result, TorchPredictor,
    error::{file, io, setting},
    evaluate::{columns, evaluate},
};

/// How a checkpoint does on a set that it was not trained on.
#[derive(Clone, Debug)]
pub struct Extrapolation {
    /// Output by output.
    pub evaluation: Evaluation,
    /// All outputs together, family by family.
    pub families: GroupReport,
    /// Networks of the set whose graph could not be had, and why.
    pub left_out: BTreeMap<String, String>,
    /// The set is the one that the checkpoint was trained on, so that it has seen most of its networks.
    pub same_set: bool,
}

/// What `report.json` holds.
#[derive(Serialize)]
struct Written<'a> {
    checkpoint: String,
    data: &'a str,
    outputs: BTreeMap<&'a str, &'a tachograph_metrics::Report>,
    families: &'a GroupReport,
    predictions: &'a [Predicted],
}

/// Evaluates a checkpoint on the set `data`, found as [`Corpus::open`] does. `devices` are names of the checkpoint's devices,
/// or `TRAINED=MEASURED` where the labels are another device's; none means all that both have. With `out`, a report and
/// plots are written there.
///
/// # Errors
/// A checkpoint or set that cannot be read; no device that both have.
pub fn extrapolate(
    checkpoint: &Path,
    data: &Path,
    root: Option<&Path>,
    devices: &[String],
    out: Option<&Path>,
) -> Result<Extrapolation> {
    let predictor = TorchPredictor::load(checkpoint, Device::Cpu)?;
    let trained = &predictor.manifest().outputs;
    let mut quantities: Vec<Quantity> = trained.iter().map(|output| output.quantity).collect();
    quantities.sort_unstable();
    quantities.dedup();
    let pairs: Vec<(&str, &str)> = match devices {
        [] => trained.iter().map(|output| (output.name.as_str(), output.name.as_str())).collect(),
        named => named.iter().map(|name| name.split_once('=').unwrap_or((name, name))).collect(),
    };
    if let Some((unknown, _)) = pairs.iter().find(|(name, _)| trained.iter().all(|output| output.name != *name)) {
        return Err(setting("device", format!("`{unknown}` is no device of {}", checkpoint.display())));
    }
    // All of them: a device that the set lacks is no error where others are there.
    let query = Query { devices: vec![], quantities, batch: None };
    let corpus = Corpus::open(data, root, &query)?;
    let place = |output: &Output| {
        let (_, measured) = pairs.iter().find(|(name, _)| *name == output.name)?;
        corpus.outputs.iter().position(|other| other.name == *measured && other.quantity == output.quantity)
    };
    let places: Vec<Option<usize>> = trained.iter().map(place).collect();
    let mut examples = corpus.featurize(&predictor.manifest().featurizer)?;
    for example in &mut examples {
        let target = |place: &Option<usize>| place.and_then(|i| example.target(i)).unwrap_or(f64::NAN);
        let targets = places.iter().map(target).collect();
        *example = Example { targets, ..example.clone() };
    }
    let evaluation = evaluate(&predictor, &examples)?;
    let (predicted, measured) = columns(evaluation.predictions.iter());
    let names: Vec<&str> = evaluation.predictions.iter().map(|row| row.family.as_str()).collect();
    let families = GroupReport::new(&predicted[..], &measured[..], &names, &evaluation.report.unit)?;
    let same_set = corpus.data == predictor.manifest().training.data;
    let done = Extrapolation { evaluation, families, left_out: corpus.left_out.clone(), same_set };
    if let Some(dir) = out {
        write(dir, checkpoint, &corpus, trained, &done)?;
    }
    Ok(done)
}

fn write(dir: &Path, checkpoint: &Path, corpus: &Corpus, outputs: &[Output], done: &Extrapolation) -> Result<()> {
    fs::create_dir_all(dir).map_err(io(dir))?;
    let path = dir.join("report.json");
    let written = Written {
        checkpoint: checkpoint.display().to_string(),
        data: &corpus.data,
        outputs: done.evaluation.outputs.iter().map(|(name, report)| (name.as_str(), report)).collect(),
        families: &done.families,
        predictions: &done.evaluation.predictions,
    };
    let json = serde_json::to_string_pretty(&written).map_err(|e| file(&path, e))?;
    fs::write(&path, json).map_err(io(&path))?;
    #[cfg(feature = "plots")]
    {
        let quantities: Vec<Quantity> = outputs.iter().map(|output| output.quantity).collect();
        crate::plots::write(&dir.join("plots"), &[], &done.evaluation.predictions, &quantities)?;
    }
    Ok(())
}
