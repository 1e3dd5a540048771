//! Predictions beside measurements, output by output.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tachograph_features::FeatureGraph;
use tachograph_metrics::Report;

use tachograph_ir::Quantity;

use crate::{Error, Example, Metric, Result, TorchPredictor, group::Group};

/// A prediction beside its measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// Name of the network.
    pub name: String,
    /// Its family.
    pub family: String,
    /// The batch.
    pub batch: u64,
    /// Position of the output in the checkpoint.
    pub output: usize,
    /// In the unit of the output.
    pub predicted: f64,
    /// In the unit of the output.
    pub measured: f64,
}

/// How a predictor does on examples.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The mean over outputs; with one output, its report.
    pub report: Report,
    /// By the output's title. Outputs without a measurement are missing.
    pub outputs: BTreeMap<String, Report>,
    /// Everything that was measured, output by output.
    pub predictions: Vec<Predicted>,
}

impl Evaluation {
    /// The mean of a metric over the outputs for which it is defined; `None` where it is defined for none.
    pub fn metric(&self, metric: Metric) -> Option<f64> {
        let of = |group: &[Predicted]| {
            let (predicted, measured) = columns(group.iter());
            metric.value(&predicted, &measured).ok()
        };
        let groups = self.predictions.chunk_by(|a, b| a.output == b.output);
        let values: Vec<f64> = groups.filter_map(of).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }
}

/// Predictions and measurements.
pub(crate) fn columns<'a>(predictions: impl Iterator<Item = &'a Predicted>) -> (Vec<f64>, Vec<f64>) {
    predictions.map(|p| (p.predicted, p.measured)).unzip()
}

/// Predicts `examples` for every output of the predictor and compares where something was measured.
///
/// # Errors
/// Features of another schema; nothing was measured.
pub fn evaluate(predictor: &TorchPredictor, examples: &[Example]) -> Result<Evaluation> {
    evaluate_in(&Group::ALONE, predictor, examples)
}

/// [`evaluate`], where each rank predicts its part and all compare the whole.
pub(crate) fn evaluate_in(group: &Group, predictor: &TorchPredictor, examples: &[Example]) -> Result<Evaluation> {
    let known = &predictor.manifest().outputs;
    let all: Vec<_> = predictor.manifest().ids().map(|(id, _)| id).collect();
    let part = group.part(examples.len());
    let own: Vec<&FeatureGraph> = examples.get(part.clone()).unwrap_or_default().iter().map(|e| &e.features).collect();
    let mut predicted = vec![vec![0.0; examples.len()]; all.len()];
    for (of_output, values) in predicted.iter_mut().zip(predictor.predict_outputs(&own, &all)?) {
        of_output.iter_mut().skip(part.start).zip(values).for_each(|(to, value)| *to = value);
        group.sum(of_output);
    }
    let (mut outputs, mut reports, mut predictions) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (output, (values, head)) in predicted.into_iter().zip(known).enumerate() {
        let beside = |(example, predicted): (&Example, f64)| {
            let Example { name, family, batch, .. } = example;
            let measured = example.target(output)?;
            Some(Predicted { name: name.clone(), family: family.clone(), batch: *batch, output, predicted, measured })
        };
        let of_output: Vec<Predicted> = examples.iter().zip(values).filter_map(beside).collect();
        // A device may have measured none of these networks: it has no report then, and no part in the mean.
        if of_output.is_empty() {
            continue;
        }
        let (predicted, measured) = columns(of_output.iter());
        let report = Report::new(&predicted[..], &measured[..], Quantity::unit(head.quantity))?;
        reports.push(report.clone());
        outputs.insert(head.title(), report);
        predictions.extend(of_output);
    }
    let report = Report::mean(&reports).ok_or_else(|| Error::NothingMeasured { what: "evaluation".into() })?;
    Ok(Evaluation { report, outputs, predictions })
}
