//! End-to-end times, and traces of the operators of a run.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::op_graph::shapes;
use crate::{
    Error, Mode, Result,
    table::{Table, files, json, stem},
};

const ENDS: [&str; 2] = [".json.gz", ".json"];

/// The end-to-end time of a model on a GPU, in ms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Label {
    /// The GPU; the folder's name.
    pub device: String,
    /// The model, such as `bert_large`.
    pub model: String,
    /// Inference or training step.
    pub phase: Mode,
    /// Tokens in a sequence.
    pub sequence: u64,
    /// Sequences a run.
    pub batch: u64,
    /// `fusion` (compiled), `dp4`, `tp4`, `pp4_N` (four GPUs: data, tensor or pipeline parallel); or empty.
    pub option: String,
    /// The whole run.
    pub e2e_latency: f64,
    /// The forward part.
    pub fw_latency: f64,
    /// The backward part, 0 in inference.
    pub bwall_latency: f64,
}

/// One operator of a run. Times are in ms.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TraceRow {
    /// Name of the node.
    pub name: String,
    /// torch.fx's kind of node, such as `call_module`.
    pub kind: String,
    /// What is called.
    pub target: String,
    /// Shapes of the inputs.
    pub inputs: Vec<Vec<u64>>,
    /// Shapes of the outputs.
    pub outputs: Vec<Vec<u64>>,
    /// Forward time.
    pub fw_latency: f64,
    /// Backward time, 0 in inference.
    pub bw_latency: f64,
}

impl Label {
    /// Name of the run, such as `gpt2_large-train-1024-4-dp4`.
    pub fn name(&self) -> String {
        let phase = if self.phase == Mode::Training { "train" } else { "inf" };
        let name = format!("{}-{phase}-{}-{}", self.model, self.sequence, self.batch);
        if self.option.is_empty() { name } else { format!("{name}-{}", self.option) }
    }

    fn parse(device: &str, name: &str, times: Times) -> Option<Self> {
        let mut parts = name.splitn(5, '-');
        let model = parts.next()?.to_owned();
        let phase = phase(parts.next()?)?;
        let (sequence, batch) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let option = parts.next().unwrap_or_default().to_owned();
        let Times { e2e_latency, fw_latency, bwall_latency } = times;
        let device = device.to_owned();
        Some(Self { device, model, phase, sequence, batch, option, e2e_latency, fw_latency, bwall_latency })
    }
}

/// `inf` or `train`.
pub fn phase(text: &str) -> Option<Mode> {
    match text {
        "inf" => Some(Mode::Inference),
        "train" => Some(Mode::Training),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Times {
    e2e_latency: f64,
    fw_latency: f64,
    bwall_latency: f64,
}

pub fn labels(folder: &Path) -> Result<Vec<Label>> {
    let mut labels = Vec::new();
    for gpu in files(folder, &[""])? {
        let device = stem(&gpu, &[]);
        for path in files(&gpu, &ENDS)? {
            let times: Times = json(&path)?;
            if !(times.e2e_latency.is_finite() && times.e2e_latency > 0.0) {
                return Err(Error::damaged(&path, format!("e2e_latency = {} is not a time", times.e2e_latency)));
            }
            let label = Label::parse(device, stem(&path, &ENDS), times);
            labels.push(label.ok_or_else(|| Error::damaged(&path, "not MODEL-PHASE-SEQUENCE-BATCH[-OPTION]"))?);
        }
    }
    Ok(labels)
}

pub fn trace(folder: &Path, label: &Label) -> Result<Vec<TraceRow>> {
    #[derive(Deserialize)]
    struct Row {
        op: String,
        target: String,
        input_shapes: String,
        output_shape: String,
        fw_latency: f64,
        bw_latency: f64,
        #[serde(rename = "Name")]
        name: String,
    }
    let path = [".csv", ".csv.gz"].map(|end| folder.join(&label.device).join(label.name() + end));
    let Some(path) = path.into_iter().find(|path| path.exists()) else { return Ok(Vec::new()) };
    let rows = Table::open(&path)?.records::<Row>();
    rows.map(|row| {
        let Row { op, target, input_shapes, output_shape, fw_latency, bw_latency, name } = row?;
        let (inputs, outputs) = (shapes(&input_shapes), shapes(&output_shape));
        Ok(TraceRow { name, kind: op, target, inputs, outputs, fw_latency, bw_latency })
    })
    .collect()
}
