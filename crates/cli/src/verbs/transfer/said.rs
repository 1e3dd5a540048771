//! What `transfer` says, whatever the way.

use anyhow::Result;
use serde::Serialize;
use tachograph_ir::Plain;
use tachograph_transfer::CrossValidation;

use crate::{exit, table};

/// What `--json` prints for a device.
#[derive(Default, Serialize)]
pub struct Transferred {
    pub device: String,
    pub by: &'static str,
    /// Measurements of the device.
    pub measurements: usize,
    /// How far off they are when predicted from each other; none for a single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mape_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median_ape_percent: Option<f64>,
    /// The same when all times of the other device are scaled by the median ratio (relative).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaled_mape_percent: Option<f64>,
    /// How far off the measurements are that `--k` left for a test (checkpoint).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tested_mape_percent: Option<f64>,
    /// The checkpoint that was written (checkpoint).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    pub predictions: Vec<Predicted>,
}

/// A network on the device.
#[derive(Serialize)]
pub struct Predicted {
    pub model: String,
    pub batch: u64,
    pub latency_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_low_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_high_ms: Option<f64>,
    /// What to know before trusting it (rates).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Largest shares of the time, in percent (rates).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shares_percent: Vec<(String, f64)>,
}

impl Transferred {
    pub fn new(device: &str, by: &'static str, measurements: usize) -> Self {
        Self { device: device.to_owned(), by, measurements, ..Self::default() }
    }

    pub fn validated(&mut self, validation: &CrossValidation) {
        self.mape_percent = Some(100.0 * validation.mape);
        self.median_ape_percent = Some(100.0 * validation.median_ape);
    }

    pub fn print(&self, json: bool) -> Result<()> {
        if json {
            return table::json(self);
        }
        let measurements = table::counted(self.measurements, "measurement");
        out!("{}: by {} from {measurements}", Plain(&self.device), self.by);
        if let Some(mape) = self.mape_percent {
            let median = self.median_ape_percent.map_or(String::new(), |m| format!(", median {m:.1} %"));
            let scaled = self.scaled_mape_percent;
            let scaled = scaled.map_or(String::new(), |s| format!("; by their median ratio: MAPE {s:.1} %"));
            out!("predicted from each other: MAPE {mape:.1} %{median}{scaled}");
        }
        for one in &self.predictions {
            one.warnings.iter().for_each(|warning| exit::warn(&format!("{}: {warning}", Plain(&one.model))));
            let interval = one.interval_low_ms.zip(one.interval_high_ms);
            let interval = interval.map_or(String::new(), |(low, high)| format!(" (80 %: {low:.3} to {high:.3} ms)"));
            out!("{} at batch {}: {:.4} ms{interval}", Plain(&one.model), one.batch, one.latency_ms);
            one.shares_percent.iter().for_each(|(column, share)| out!("  {share:5.1} %  {column}"));
        }
        if let Some(path) = &self.checkpoint {
            out!("checkpoint: {path}");
        }
        Ok(())
    }
}
