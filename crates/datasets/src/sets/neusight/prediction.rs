//! The published predictions beside the measurement.

use std::collections::BTreeMap;

use serde::Serialize;

use super::label::phase;
use crate::{Mode, Result, table::Table};

/// Who predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Method {
    /// NeuSight.
    NeuSight,
    /// A roofline.
    Roofline,
    /// Habitat (Yu et al., 2021).
    Habitat,
    /// Li et al. (2023), `micro` in the table.
    Li,
}

/// Groups of operators that the errors are given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum OperatorKind {
    /// Batched matrix products.
    Bmm,
    /// Linear layers.
    Linear,
    /// Element-wise operators.
    Elementwise,
    /// Softmax.
    Softmax,
    /// Layer norm.
    LayerNorm,
}

const METHODS: [(Method, &str); 4] = [
    (Method::NeuSight, "neusight"),
    (Method::Roofline, "roofline"),
    (Method::Habitat, "habitat"),
    (Method::Li, "micro"),
];

const KINDS: [(OperatorKind, &str); 5] = [
    (OperatorKind::Bmm, "BMM"),
    (OperatorKind::Linear, "Linear"),
    (OperatorKind::Elementwise, "VEC"),
    (OperatorKind::Softmax, "VECsoftmax"),
    (OperatorKind::LayerNorm, "VECln"),
];

/// One run, measured and predicted. Times are in ms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The model.
    pub model: String,
    /// Tokens in a sequence.
    pub sequence: u64,
    /// Sequences a run.
    pub batch: u64,
    /// The GPU.
    pub device: String,
    /// Inference or training step.
    pub phase: Mode,
    /// As [`Label::option`](super::Label::option).
    pub option: String,
    /// True where the GPU or the model's operators lie outside what NeuSight was fitted on.
    pub out_of_distribution: bool,
    /// The whole run, measured.
    pub measured: f64,
    /// The whole run, predicted.
    pub predicted: BTreeMap<Method, f64>,
    /// Mean relative error on operators of a kind, as a share.
    pub operator_errors: BTreeMap<(Method, OperatorKind), f64>,
}

pub fn read(mut table: Table) -> Result<Vec<Prediction>> {
    let columns: BTreeMap<String, usize> = table.headers().iter().map(str::to_owned).zip(0..).collect();
    let mut predictions = Vec::new();
    while let Some(row) = table.row() {
        let (line, row) = row?;
        let cell = |name: &str| columns.get(name).and_then(|&column| row.get(column));
        let number = |name: &str| cell(name).and_then(|cell| cell.parse::<f64>().ok());
        let read = || {
            Some(Prediction {
                model: cell("model_name")?.into(),
                sequence: cell("seqlen")?.parse().ok()?,
                batch: cell("batch")?.parse().ok()?,
                device: cell("device")?.into(),
                phase: phase(cell("mode")?)?,
                option: cell("option")?.into(),
                out_of_distribution: cell("OOD")? == "True",
                measured: number("label_all_e2e_latency")?,
                predicted: METHODS
                    .iter()
                    .filter_map(|&(method, name)| Some((method, number(&format!("{name}_all_e2e_latency"))?)))
                    .collect(),
                operator_errors: METHODS
                    .iter()
                    .flat_map(|&(method, name)| KINDS.map(|(kind, column)| (method, name, kind, column)))
                    .filter_map(|(method, name, kind, column)| {
                        Some(((method, kind), number(&format!("{name}_{column}_e2e_err"))? / 100.0))
                    })
                    .collect(),
            })
        };
        predictions.push(read().ok_or_else(|| table.error(line, "a column is missing or is not what it should be"))?);
    }
    Ok(predictions)
}
