//! One file describes a training run whole.

use std::{fs, path::Path, path::PathBuf};

use serde::{Deserialize, Serialize};
use tachograph_datasets::{NetworkId, Split};
use tachograph_features::Kind;
use tachograph_models::ModelConfig;

use crate::{
    AdamConfig, Loss, Result,
    error::{file, io},
};

/// A training run. Read from TOML; everything but `data` and `device` has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Folder of the data set.
    pub data: PathBuf,
    /// Device of the data set whose latencies are learned.
    pub device: String,
    /// How networks are divided.
    #[serde(default)]
    pub split: SplitConfig,
    /// Node and graph features.
    #[serde(default)]
    pub features: Kind,
    /// Settings of the network.
    #[serde(default)]
    pub model: ModelConfig,
    /// What is minimised.
    #[serde(default)]
    pub loss: Loss,
    /// Settings of the optimiser.
    #[serde(default)]
    pub adam: AdamConfig,
    /// Learning rate.
    #[serde(default = "rate")]
    pub rate: f64,
    /// Largest Euclidean norm of all gradients together; longer ones are shortened to it. 0 sets no limit.
    ///
    /// Relative losses weigh a network by 1/y², so that one far-off prediction outweighs everything before it;
    /// without a limit Adam's second moment remembers it for a thousand steps.
    #[serde(default = "clip")]
    pub clip: f64,
    /// How the rate changes.
    #[serde(default)]
    pub schedule: Schedule,
    /// Passes over the training set.
    #[serde(default = "epochs")]
    pub epochs: u32,
    /// Networks per step.
    #[serde(default = "batch")]
    pub batch: usize,
    /// Seed of initial weights, order and dropout.
    #[serde(default)]
    pub seed: u64,
    /// Threads of libtorch.
    #[serde(default = "threads")]
    pub threads: i32,
    /// `cpu` or `cuda:N`.
    #[serde(default = "cpu")]
    pub torch_device: String,
}

fn rate() -> f64 {
    1e-3
}
fn clip() -> f64 {
    1.0
}
fn epochs() -> u32 {
    50
}
fn batch() -> usize {
    16
}
fn threads() -> i32 {
    1
}
fn cpu() -> String {
    "cpu".into()
}

/// How networks are divided into training, validation and test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum SplitConfig {
    /// 80/10/10 at random.
    Random {
        /// Seed of the division.
        seed: u64,
    },
    /// One family is the test set; a tenth of the others validates.
    Family {
        /// The family left out.
        family: String,
        /// Seed of the division of the others.
        seed: u64,
    },
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self::Random { seed: 0 }
    }
}

impl SplitConfig {
    /// Divides `networks`.
    ///
    /// # Errors
    /// Too few networks, or a family that is not among them.
    pub fn divide<'a>(&self, networks: impl IntoIterator<Item = &'a NetworkId>) -> Result<Split> {
        Ok(match self {
            Self::Random { seed } => Split::random(networks, *seed)?,
            Self::Family { family, seed } => Split::without_family(networks, family, *seed)?,
        })
    }
}

/// The learning rate over a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// The same throughout.
    #[default]
    Constant,
    /// Rises linearly over the first twentieth, then falls to 0 along a half cosine.
    Cosine,
}

impl Schedule {
    /// Factor on the rate at `step` of `total`.
    pub fn factor(self, step: u64, total: u64) -> f64 {
        let (step, total) = (step as f64, total.max(1) as f64);
        let warm = (total / 20.0).max(1.0);
        match self {
            Self::Constant => 1.0,
            Self::Cosine if step < warm => (step + 1.0) / warm,
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * (step - warm) / (total - warm).max(1.0)).cos()),
        }
    }
}

impl RunConfig {
    /// Reads a TOML file.
    ///
    /// # Errors
    /// Names the file and the line.
    pub fn load(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(io(path))?;
        toml::from_str(&text).map_err(|e| file(path, e.to_string().replace('\n', " ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_rises_then_falls_to_nothing() {
        let factor = |step| Schedule::Cosine.factor(step, 1000);
        assert!(factor(0) < 0.05 && factor(49) == 1.0 && factor(999) < 1e-4 && factor(500) < factor(400));
    }
}
