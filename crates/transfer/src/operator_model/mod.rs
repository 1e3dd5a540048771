//! Time of an operator on a GPU that was never measured.
//!
//! The time of a kernel is max(flops / peak, bytes / bandwidth) / u. The peak is what the power supply sustains
//! ([`Machine`]); the utilisation u ∈ (0, 1] is learnt for every measured GPU and class of operators by boosted trees
//! on features in units of that GPU (waves of tiles over multiprocessors, times of the two sides of the roofline).
//! A GPU that was measured answers for itself. For another one, ln u is the mean over the measured GPUs, weighted by
//! exp(−|ln of the ratio of their processes| / [`Settings::kinship`]): GPUs of one generation are built alike and run
//! kernels of one family.
//!
//! The tiles and waves are after NeuSight (Lee et al., ASPLOS 2025); the utilisation per machine, its mean and the
//! law of power are this project's.

mod curve;
mod machine;
mod operator;
mod trees;

use std::collections::BTreeMap;

use tachograph_ir::{Device, Millis};

use crate::{Error, Result};
use curve::Curve;
pub use machine::Machine;
pub use operator::{Operator, OperatorClass};
pub use trees::OperatorTrees;

/// The shortest time of a class that was measured is launching but for this rest, and no class takes more than twice
/// as long to launch as another.
const LAUNCH: f64 = 0.9;

/// How an [`OperatorModel`] is fitted.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Watts for a sustained TFLOP/s on a 16 nm process; with 0 every GPU sustains its peak.
    pub energy: f64,
    /// Logarithm of the ratio of two processes over which the weight of a measured GPU falls by e.
    pub kinship: f64,
    /// Trees a curve.
    pub trees: usize,
    /// Seed of the rows that each tree sees.
    pub seed: u64,
}

impl Default for Settings {
    /// Held to measurements of five GPUs, each left out in turn (`docs/results.md`, section `neusight`).
    fn default() -> Self {
        Self { energy: 18.0, kinship: 0.2, trees: 150, seed: 0 }
    }
}

/// One measured operator.
#[derive(Clone, Copy, Debug)]
pub struct Measurement<'a> {
    /// What ran.
    pub operator: Operator,
    /// Where.
    pub device: &'a Device,
    /// How long, launched on an idle GPU.
    pub latency: Millis,
}

/// Operators and their times in ms, by class.
type Samples = BTreeMap<OperatorClass, Vec<(Operator, f64)>>;

/// The model; see [the module](self).
#[derive(Clone)]
pub struct OperatorModel {
    settings: Settings,
    machines: Vec<(Machine, BTreeMap<OperatorClass, Curve>)>,
}

impl OperatorModel {
    /// Fits a curve for every device and class with at least 50 measurements; fewer are ignored.
    ///
    /// # Errors
    /// No such class; a latency that is no positive number; a device file that lacks a figure.
    pub fn fit(measurements: &[Measurement], settings: Settings) -> Result<Self> {
        let mut groups: BTreeMap<&str, (Machine, Samples)> = BTreeMap::new();
        for (sample, m) in measurements.iter().enumerate() {
            if !(m.latency.0.is_finite() && m.latency.0 > 0.0) {
                return Err(Error::Value { what: "latency", sample, value: m.latency.0 });
            }
            let group = match groups.entry(&m.device.name) {
                std::collections::btree_map::Entry::Occupied(group) => group.into_mut(),
                std::collections::btree_map::Entry::Vacant(new) => {
                    new.insert((Machine::new(m.device, settings.energy)?, BTreeMap::new()))
                }
            };
            if !m.operator.is_empty() {
                group.1.entry(m.operator.class).or_default().push((m.operator, m.latency.0));
            }
        }
        let mut machines = Vec::new();
        for (machine, classes) in groups.into_values() {
            let shortest = |samples: &[(Operator, f64)]| samples.iter().map(|s| s.1).fold(f64::INFINITY, f64::min);
            let of_all = classes.values().map(|samples| shortest(samples)).fold(f64::INFINITY, f64::min);
            let enough = classes.into_iter().filter(|(_, samples)| samples.len() >= 50);
            let curves = enough.map(|(class, samples)| {
                let launch = LAUNCH * shortest(&samples).min(2.0 * of_all);
                Ok((class, Curve::fit(&machine, &samples, launch, &settings)?))
            });
            let curves = curves.collect::<Result<BTreeMap<_, _>>>()?;
            machines.push((machine, curves));
        }
        if machines.iter().all(|(_, curves)| curves.is_empty()) {
            return Err(Error::TooFew { what: "an operator model", samples: measurements.len(), needed: 50 });
        }
        Ok(Self { settings, machines })
    }

    /// The same without what was measured on one device.
    pub fn without(mut self, device: &str) -> Self {
        self.machines.retain(|(machine, _)| machine.name != device);
        self
    }

    /// The same with another [`Settings::kinship`].
    pub fn with_kinship(mut self, kinship: f64) -> Self {
        self.settings.kinship = kinship;
        self
    }

    /// Time on an idle GPU, launch included: what a benchmark of one operator measures.
    ///
    /// # Errors
    /// The device file lacks a figure; no measured GPU ran the class.
    pub fn predict(&self, operator: &Operator, device: &Device) -> Result<Millis> {
        let (kernel, launch) = self.parts(operator, device)?;
        Ok(Millis(kernel + launch))
    }

    /// Time in a queue of others, where launching runs ahead and costs nothing.
    ///
    /// # Errors
    /// As [`OperatorModel::predict`].
    pub fn kernel(&self, operator: &Operator, device: &Device) -> Result<Millis> {
        Ok(Millis(self.parts(operator, device)?.0))
    }

    /// What launching it costs the program that runs it.
    ///
    /// # Errors
    /// As [`OperatorModel::predict`].
    pub fn launch(&self, operator: &Operator, device: &Device) -> Result<Millis> {
        Ok(Millis(self.parts(operator, device)?.1))
    }

    fn parts(&self, operator: &Operator, device: &Device) -> Result<(f64, f64)> {
        let target = Machine::new(device, self.settings.energy)?;
        if operator.is_empty() {
            return Ok((0.0, 0.0));
        }
        let of_class = self.machines.iter().filter_map(|(m, curves)| Some((m, curves.get(&operator.class)?)));
        let known = of_class.clone().any(|(m, _)| m.name == target.name);
        let features = operator.features(&target);
        let (mut weights, mut utilisation, mut launch) = (0.0, 0.0, 0.0);
        for (machine, curve) in of_class.filter(|(m, _)| !known || m.name == target.name) {
            let distance = match (machine.process, target.process) {
                (Some(measured), Some(process)) => (measured / process).ln().abs(),
                _ => 0.0,
            };
            // A floor, so that one far from all is not known by none.
            let weight = (-distance / self.settings.kinship).exp().max(1e-9);
            weights += weight;
            utilisation += weight * curve.utilisation(&features);
            launch += weight * curve.launch;
        }
        if weights == 0.0 {
            return Err(Error::NotFitted("an operator of a class that was never measured"));
        }
        Ok((target.roofline_ms(operator) / (utilisation / weights).exp(), launch / weights))
    }
}

#[cfg(test)]
mod tests;
