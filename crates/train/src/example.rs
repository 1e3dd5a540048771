//! Featurised networks with what was measured of them.

use tachograph_features::FeatureGraph;

/// What a model learns from: the features of one network at one batch, and what was measured of it.
#[derive(Clone, Debug)]
pub struct Example {
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

impl Example {
    /// What was measured for an output.
    pub fn target(&self, output: usize) -> Option<f64> {
        self.targets.get(output).copied().filter(|value| value.is_finite())
    }
}
