//! The unit in which a network learns.

use serde::{Deserialize, Serialize};

/// Unit in which the network learns, as a run's config names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetConfig {
    /// That of the quantity: milliseconds, MB or joules.
    #[default]
    Milliseconds,
    /// Multiples of the mean of the training set, output by output, which suits losses that are not relative.
    Mean,
}

/// From a quantity to what its head puts out: output = quantity / scale. Part of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Milliseconds, MB or joules per unit of the output.
    pub scale: f64,
}

impl Default for Target {
    fn default() -> Self {
        Self { scale: 1.0 }
    }
}

impl Target {
    /// Fitted on the values of the training set.
    pub fn fit(config: TargetConfig, training: &[f64]) -> Self {
        let mean = training.iter().sum::<f64>() / training.len() as f64;
        match config {
            TargetConfig::Mean if mean > 0.0 && mean.is_finite() => Self { scale: mean },
            _ => Self::default(),
        }
    }

    /// What the head should put out for a value.
    pub fn encode(&self, value: f64) -> f64 {
        value / self.scale
    }

    /// The value of an output.
    pub fn decode(&self, output: f64) -> f64 {
        output * self.scale
    }

    pub(crate) fn is_identity(&self) -> bool {
        *self == Self::default()
    }
}
