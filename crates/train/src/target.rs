//! The unit in which a network learns.

use serde::{Deserialize, Serialize};

/// Unit in which the network learns latencies, as a run's config names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetConfig {
    /// Milliseconds.
    #[default]
    Milliseconds,
    /// Multiples of the mean latency of the training set, which suits losses that are not relative.
    Mean,
}

/// From latencies to what the network puts out: output = ms / scale. Part of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Milliseconds per unit of the output.
    pub scale: f64,
}

impl Default for Target {
    fn default() -> Self {
        Self { scale: 1.0 }
    }
}

impl Target {
    /// Fitted on the latencies of the training set, in milliseconds.
    pub fn fit(config: TargetConfig, training: &[f64]) -> Self {
        let mean = training.iter().sum::<f64>() / training.len() as f64;
        match config {
            TargetConfig::Mean if mean > 0.0 && mean.is_finite() => Self { scale: mean },
            _ => Self::default(),
        }
    }

    /// What the network should put out for a latency in milliseconds.
    pub fn encode(&self, ms: f64) -> f64 {
        ms / self.scale
    }

    /// Milliseconds.
    pub fn decode(&self, output: f64) -> f64 {
        output * self.scale
    }
}
