//! Featurised networks, and batches of them.

use tachograph_features::FeatureGraph;
use tachograph_gnn::{BatchOptions, GraphBatch, GraphRef};
use tch::Device;

use crate::Result;

/// One network with what was measured of it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Name of the network.
    pub name: String,
    /// Its family.
    pub family: String,
    /// The batch it was measured with.
    pub batch: u64,
    /// What the model sees.
    pub features: FeatureGraph,
    /// What was measured, one value an output in the output's unit; not a number where nothing was.
    pub targets: Vec<f64>,
}

impl Sample {
    /// What was measured for an output.
    pub fn target(&self, output: usize) -> Option<f64> {
        self.targets.get(output).copied().filter(|value| value.is_finite())
    }
}

/// The batch of `samples` for a network that needs `structure`.
///
/// # Errors
/// Features of different widths.
pub fn collate(samples: &[&FeatureGraph], options: &BatchOptions, device: Device) -> Result<GraphBatch> {
    let graphs: Vec<GraphRef<'_>> = samples
        .iter()
        .map(|f| GraphRef {
            nodes: f.nodes.as_slice().unwrap_or_default(),
            width: f.nodes.ncols(),
            edges: &f.edges,
            edge_features: f.edge_features.as_slice().unwrap_or_default(),
            globals: &f.globals,
            groups: &f.groups,
        })
        .collect();
    Ok(GraphBatch::build(&graphs, options, device)?)
}
