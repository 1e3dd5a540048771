//! Featurised networks, and batches of them.

use rayon::prelude::*;
use tachograph_datasets::{DataSet, Record};
use tachograph_features::{FeatureGraph, Featurizer};
use tachograph_gnn::{GraphBatch, GraphRef};
use tachograph_ir::Concrete;
use tch::{Device, Tensor};

use crate::{Error, Result, Target, error::torch};

/// One network with its measured latency.
#[derive(Debug)]
pub struct Sample {
    /// Id of the network.
    pub name: String,
    /// Its family.
    pub family: String,
    /// What the model sees.
    pub features: FeatureGraph,
    /// Measured median, milliseconds.
    pub target: f64,
}

/// The networks of a set that were measured on `device`, bound as they were measured, in the order of the set.
///
/// # Errors
/// No measurement on that device, or a network that does not bind.
pub fn bind<'a>(data: &'a DataSet, device: &str) -> Result<Vec<(&'a Record, Concrete)>> {
    let records: Vec<&Record> = data.records().iter().filter(|r| r.device == device).collect();
    if records.is_empty() {
        let known: Vec<_> = data.meta().devices.iter().map(|d| d.run.device.clone()).collect();
        return Err(Error::Device { name: device.into(), known: known.join(", ") });
    }
    records.into_par_iter().map(|record| Ok((record, data.bind(record)?))).collect()
}

/// Featurises bound networks in parallel.
///
/// # Errors
/// A network that the featuriser refuses.
pub fn featurize(featurizer: &Featurizer, networks: &[(&Record, Concrete)]) -> Result<Vec<Sample>> {
    let sample = |(record, bound): &(&Record, Concrete)| {
        Ok(Sample {
            name: record.network.to_string(),
            family: record.network.family().into(),
            features: featurizer.featurize(bound)?,
            target: record.median_ms,
        })
    };
    networks.par_iter().map(sample).collect()
}

/// The batch of `samples` for a network of `layers` layers, and their targets.
///
/// # Errors
/// Features of different widths.
pub fn collate(samples: &[&FeatureGraph], layers: usize, compress: bool, device: Device) -> Result<GraphBatch> {
    let graphs: Vec<GraphRef<'_>> = samples
        .iter()
        .map(|f| GraphRef {
            nodes: f.nodes.as_slice().unwrap_or_default(),
            width: f.nodes.ncols(),
            edges: &f.edges,
            globals: &f.globals,
            ..GraphRef::default()
        })
        .collect();
    let build = if compress { GraphBatch::compressed } else { GraphBatch::new };
    Ok(build(&graphs, layers, device)?)
}

/// What the network should put out: (n).
///
/// # Errors
/// A device out of memory.
pub(crate) fn targets(samples: &[&Sample], target: Target, device: Device) -> Result<Tensor> {
    let values: Vec<f32> = samples.iter().map(|s| target.encode(s.target) as f32).collect();
    Tensor::f_from_slice(&values).and_then(|t| t.f_to_device(device)).map_err(torch("targets"))
}
