//! What is known of a model on a device.

use serde::Serialize;
use tachograph_ir::{BoundGraph, Quantity, Uncounted};
use tachograph_predict::{Amount, Forecast, Outside, Prediction};

use crate::device::Target;

/// A model on a device: what `--json` prints.
#[derive(Serialize)]
pub struct Line {
    pub model: String,
    pub batch: u64,
    pub device: String,
    pub ran_on: String,
    pub this_machine: bool,
    pub latency_ms: f64,
    #[serde(flatten)]
    pub interval: Option<Interval>,
    pub memory_bytes: Option<u64>,
    pub memory_as_on: Option<String>,
    pub energy_j: Option<f64>,
    pub checkpoint: String,
    pub trained_on: String,
    pub unknown_operators: Vec<String>,
    pub extrapolates: bool,
    pub outside: Vec<Outside>,
    /// Whether the memory of the device suffices; none where it is not known.
    pub fits: Option<bool>,
    /// What the numbers leave out, if anything.
    pub uncounted: Option<Uncounted>,
    pub shares_of: &'static str,
    pub operators: Vec<Operator>,
    pub warnings: Vec<String>,
    #[serde(flatten)]
    pub measured: Option<Here>,
}

/// Where the measurement lies.
#[derive(Serialize)]
pub struct Interval {
    pub interval_low_ms: f64,
    pub interval_high_ms: f64,
    /// None where no share of measurements is promised.
    pub interval_percent: Option<f64>,
    pub interval_source: String,
}

/// An operator among the costliest.
#[derive(Serialize)]
pub struct Operator {
    pub operator: String,
    pub name: String,
    pub share_percent: f64,
}

/// What this machine took.
#[derive(Serialize)]
pub struct Here {
    pub measured_here_ms: f64,
    /// Predicted for this machine.
    pub predicted_here_ms: f64,
    /// How.
    pub predicted_here_by: String,
    pub hardware_here: String,
}

impl Line {
    pub fn new(model: &str, bound: &BoundGraph, target: &Target, forecast: &Forecast) -> Self {
        let value = |prediction: &Option<Prediction>| prediction.as_ref().map(|prediction| prediction.value);
        let interval = forecast.latency.bounds.as_ref().map(|bounds| Interval {
            interval_low_ms: bounds.low.value(),
            interval_high_ms: bounds.high.value(),
            interval_percent: bounds.nominal.map(|nominal| 100.0 * nominal),
            interval_source: bounds.source.clone(),
        });
        Self {
            model: model.to_owned(),
            batch: bound.batch(),
            device: target.name.clone(),
            ran_on: target.ran_on.clone(),
            this_machine: target.here,
            latency_ms: forecast.latency.value.value(),
            interval,
            memory_bytes: value(&forecast.memory).map(|memory| match memory {
                Amount::Memory(bytes) => bytes.0,
                other => other.value() as u64,
            }),
            memory_as_on: forecast.memory_as_on.clone(),
            energy_j: value(&forecast.energy).map(Amount::value),
            checkpoint: forecast.checkpoint.clone(),
            trained_on: String::new(),
            unknown_operators: forecast.latency.unknown_operators().to_vec(),
            extrapolates: forecast.latency.outside.iter().any(|outside| matches!(outside, Outside::Value { .. })),
            outside: forecast.latency.outside.clone(),
            fits: forecast.fits(),
            uncounted: None,
            shares_of: "",
            operators: Vec::new(),
            warnings: Vec::new(),
            measured: None,
        }
    }

    /// The memory, and whose it is.
    pub fn memory(&self) -> Option<String> {
        let whose = self.memory_as_on.as_ref().map_or(String::new(), |device| format!(", as on {device}"));
        Some(format!("{}{whose}", Amount::new(Quantity::Memory, self.memory_bytes? as f64 / 1e6)))
    }
}
