//! Latency from a device's peak figures.

use serde::{Deserialize, Serialize};
use tachograph_ir::{DType, Device};

use super::{Baseline, StaticRow, check};
use crate::{Error, Result};

/// Σ over nodes of max(FLOPs / peak, bytes / bandwidth), divided by an efficiency: 1 until it is fitted,
/// then the geometric mean of bound / latency over the training data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roofline {
    device: Device,
    dtype: DType,
    efficiency: f64,
}

impl Roofline {
    /// The bare bound of `device`; `None` when its file lacks bandwidth or the peak for `dtype`.
    pub fn new(device: &Device, dtype: DType) -> Option<Self> {
        device.roofline(&Default::default(), dtype)?;
        Some(Self { device: device.clone(), dtype, efficiency: 1.0 })
    }

    /// Share of the bound that the training data reached.
    pub fn efficiency(&self) -> f64 {
        self.efficiency
    }

    /// Milliseconds below which no execution node by node can be.
    fn bound(&self, row: &StaticRow) -> f64 {
        let times = row.nodes.iter().filter_map(|cost| self.device.roofline(cost, self.dtype));
        times.map(|t| t.0).sum::<f64>().max(f64::MIN_POSITIVE)
    }
}

impl Baseline for Roofline {
    fn name(&self) -> &'static str {
        "roofline"
    }

    fn fit(&mut self, rows: &[StaticRow], latencies: &[f64]) -> Result<()> {
        check("an efficiency", rows, latencies, 1)?;
        let logs = rows.iter().zip(latencies).map(|(row, t)| (self.bound(row) / t).ln());
        let efficiency = (logs.sum::<f64>() / rows.len() as f64).exp();
        if !(efficiency.is_finite() && efficiency > 0.0) {
            return Err(Error::Efficiency(efficiency));
        }
        self.efficiency = efficiency;
        Ok(())
    }

    fn predict(&self, row: &StaticRow) -> Result<f64> {
        Ok(self.bound(row) / self.efficiency)
    }
}
