//! Measurements of one device, featurised for a predictor.

use std::path::Path;

use anyhow::{Context, Result};
use tachograph_datasets::{DeviceTimes, open};
use tachograph_features::{FeatureGraph, Featurizer};
use tachograph_ir::Quantity;
use tachograph_predict::Output;
use tachograph_transfer::rates;

/// Measurements of one device, in the order of their source.
pub struct Measured {
    /// The device, as a checkpoint describes it.
    pub device: Output,
    /// What the predictor sees of the networks.
    pub graphs: Vec<FeatureGraph>,
    /// What they use up, as [`rates::costs`] has it.
    pub costs: Vec<Vec<f64>>,
    /// Milliseconds.
    pub latencies: Vec<f64>,
}

impl Measured {
    /// Reads the latencies of `device` from a table or a data set, as [`open`] does. Models that cannot be read are named on
    /// standard error and left out.
    ///
    /// # Errors
    /// A table or a data set that cannot be read, no measurement of the device.
    pub fn read(data: &Path, root: Option<&Path>, device: &str, featurizer: &Featurizer) -> Result<Self> {
        let times = DeviceTimes::read(&*open(data, root)?, &[device], None)?;
        times.left_out.iter().for_each(|(network, why)| eprintln!("left out: {network}: {why}"));
        let mut output = Output::new(device, Quantity::Latency);
        if let Some(ran_on) = times.ran_on.into_iter().flatten().next() {
            (output.hardware, output.threads, output.library) = (ran_on.hardware, ran_on.threads, ran_on.library);
        }
        let mut measured = Self { device: output, graphs: vec![], costs: vec![], latencies: vec![] };
        for network in times.networks {
            measured.graphs.push(featurizer.featurize(&network.graph)?);
            measured.costs.push(rates::costs(&network.graph)?);
            measured.latencies.push(network.ms.into_iter().flatten().next().context("no latency")?);
        }
        Ok(measured)
    }
}
