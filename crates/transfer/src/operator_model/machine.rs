//! What of a device decides the time of an operator.

use tachograph_ir::{DType, Device};

use super::Operator;
use crate::{Error, Result};

/// Power of a unit of arithmetic against that on 16 nm, by the name of the process: what TSMC states for 10 nm after
/// 16 nm (35 % less), 7 nm after 10 nm (40 % less) and 5 nm after 7 nm (30 % less). 12 nm is the 16 nm process in a
/// denser library, 6 nm the 7 nm one, "4N" the 5 nm one.
const POWER: [(f64, f64); 3] = [(5.0, 0.65 * 0.6 * 0.7), (7.0, 0.65 * 0.6), (f64::INFINITY, 1.0)];

/// A GPU in single precision.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Name of the device.
    pub name: String,
    /// Operations a millisecond that its power supply sustains.
    pub peak: f64,
    /// Bytes a millisecond.
    pub bandwidth: f64,
    /// Multiprocessors.
    pub units: f64,
    /// Bytes of the second-level cache.
    pub l2: f64,
    /// Name of the manufacturing process, nm.
    pub process: Option<f64>,
}

impl Machine {
    /// From the device file. `energy` is what a sustained TFLOP/s costs on a 16 nm process, in watts; the clock, and
    /// with it the peak, is lowered to what the thermal design power pays for: peak · min(1, tdp / (energy · power
    /// of the process · peak)). Where tdp or process is unknown, the peak stands.
    ///
    /// # Errors
    /// The file has no peak for f32, bandwidth, units or second-level cache.
    pub fn new(device: &Device, energy: f64) -> Result<Self> {
        let need = |what: &'static str, value: Option<f64>| {
            value.ok_or_else(|| Error::Device { device: device.name.clone(), what })
        };
        let peak = need("peak.f32", device.peak.get(&DType::F32).copied())?;
        let sustained = match (device.tdp, device.process) {
            (Some(tdp), Some(process)) => {
                let power = POWER.iter().find(|(up_to, _)| process <= *up_to).map_or(1.0, |(_, power)| *power);
                (tdp / (energy * power * peak / 1e12)).min(1.0)
            }
            _ => 1.0,
        };
        Ok(Self {
            name: device.name.clone(),
            peak: peak * sustained / 1e3,
            bandwidth: need("bandwidth", device.bandwidth)? / 1e3,
            units: need("units", device.units.map(f64::from))?,
            l2: need("caches.l2", device.caches.get("l2").map(|size| size.0 as f64))?,
            process: device.process,
        })
    }

    /// Time of the arithmetic at the sustained peak, ms.
    pub fn compute_ms(&self, operator: &Operator) -> f64 {
        operator.flops() / self.peak
    }

    /// Time of the memory traffic, ms.
    pub fn memory_ms(&self, operator: &Operator) -> f64 {
        operator.bytes / self.bandwidth
    }

    /// The larger of the two, ms.
    pub fn roofline_ms(&self, operator: &Operator) -> f64 {
        self.compute_ms(operator).max(self.memory_ms(operator))
    }
}
