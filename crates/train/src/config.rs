//! One file describes a training run whole.

use std::{fs, path::Path, path::PathBuf};

use serde::{Deserialize, Serialize};
use tachograph_datasets::{NetworkId, Split};
use tachograph_features::Kind;
use tachograph_models::ModelConfig;

use crate::{
    Error, Loss, Metric, OptimizerConfig, Result, Schedule, TargetConfig,
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
    /// Unit in which the network learns latencies.
    #[serde(default)]
    pub target: TargetConfig,
    /// The optimiser and its settings.
    #[serde(default)]
    pub optimizer: OptimizerConfig,
    /// Learning rate.
    #[serde(default = "rate")]
    pub rate: f64,
    /// Largest Euclidean norm of all gradients together; longer ones are shortened to it. 0 sets no limit.
    ///
    /// Relative losses weigh a network by 1/y², so that one far-off prediction outweighs everything before it;
    /// without a limit Adam's second moment remembers it for a thousand steps.
    #[serde(default = "clip")]
    pub clip: f64,
    /// Largest Euclidean norm of each gradient tensor, applied before `clip`. 0 sets no limit.
    #[serde(default)]
    pub clip_each: f64,
    /// Decay of the moving average of the weights that is validated and kept; 0 keeps the weights themselves.
    #[serde(default)]
    pub average: f64,
    /// How the rate changes.
    #[serde(default)]
    pub schedule: Schedule,
    /// Passes over the training set.
    #[serde(default = "epochs")]
    pub epochs: u32,
    /// Metric on the validation set that chooses the epoch whose weights are kept.
    #[serde(default)]
    pub metric: Metric,
    /// Epochs without improvement of `metric` after which the run ends; 0 never ends it early.
    #[serde(default)]
    pub patience: u32,
    /// Measurements per step, at most.
    #[serde(default = "batch")]
    pub batch: usize,
    /// Nodes per step, at most (a larger network makes a step alone); batches are then made of networks of similar
    /// size. 0 sets no limit and does not sort.
    #[serde(default)]
    pub nodes: usize,
    /// Measurements of each network (its configurations) drawn in an epoch, placed side by side; ranking losses then
    /// rank within networks. 0 takes all, in any order, and ranking losses rank the batch.
    #[serde(default)]
    pub runs: usize,
    /// When the state of the run is written, and how many states are kept.
    #[serde(default)]
    pub checkpoint: CheckpointConfig,
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

/// When the state of a run is written to its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Epochs between two.
    pub epochs: u32,
    /// Steps between two, also within an epoch; 0 writes at the end of epochs only.
    pub steps: u64,
    /// How many are kept.
    pub keep: usize,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self { epochs: 1, steps: 0, keep: 3 }
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

    /// # Errors
    /// The first setting that makes no sense.
    pub(crate) fn check(&self) -> Result<()> {
        self.schedule.check()?;
        self.loss.check()?;
        let positive = |x: f64| x >= 0.0 && x.is_finite();
        let refuse = |what: &str, value: f64| Err(Error::Config(format!("{what} = {value}")));
        match self {
            c if !positive(c.rate) => refuse("rate", c.rate),
            c if !positive(c.clip) => refuse("clip", c.clip),
            c if !positive(c.clip_each) => refuse("clip_each", c.clip_each),
            c if !(0.0..1.0).contains(&c.average) => refuse("average", c.average),
            c if c.batch == 0 => refuse("batch", 0.0),
            c if c.checkpoint.epochs == 0 => refuse("checkpoint.epochs", 0.0),
            c if c.checkpoint.keep == 0 => refuse("checkpoint.keep", 0.0),
            _ => Ok(()),
        }
    }
}
