//! One file describes a training run whole.

use std::{fs, path::Path, path::PathBuf, thread};

use serde::{Deserialize, Serialize};
use tachograph_features::FeatureSet;
use tachograph_models::ModelConfig;

use tachograph_ir::Quantity;

use crate::{
    Corpus, Error, Loss, Metric, OptimizerConfig, Query, RankingConfig, Result, Schedule, SplitConfig, TargetConfig,
    error::{io, setting},
};

/// A training run. Read from TOML; everything but `data` has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The data set: a folder in the project's own format, a table (`.csv`, `.csv.gz`) beside model files, or the name
    /// of a published set.
    pub data: PathBuf,
    /// Further data sets, named alike, to learn from: their devices become further outputs, and no network of theirs
    /// validates or tests.
    #[serde(default)]
    pub extra: Vec<PathBuf>,
    /// Folder of published sets; by default what `TACHOGRAPH_DATA` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// Devices of the data set whose measurements are learned, one or several; by default all.
    #[serde(default, alias = "devices")]
    pub device: Devices,
    /// What is learned of each device.
    #[serde(default = "quantities")]
    pub quantities: Vec<Quantity>,
    /// How networks are divided.
    #[serde(default)]
    pub split: SplitConfig,
    /// Learns from the validation part as well and keeps the weights of the last epoch: for a run whose length and
    /// settings are decided. What it says of validation is then of networks that it has seen, and its predictions have
    /// no intervals until others are held out ([`calibrate`](crate::calibrate)).
    #[serde(default)]
    pub refit: bool,
    /// Node and graph features.
    #[serde(default)]
    pub features: FeatureSet,
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
    /// How configurations are ranked, where the network ranks ([`train_ranker`](crate::train_ranker)). Then `batch` is the
    /// number of graphs in a step, and `runs` that of configurations of each, 16 where it is 0.
    #[serde(default)]
    pub ranking: RankingConfig,
    /// When the state of the run is written, and how many states are kept.
    #[serde(default)]
    pub checkpoint: CheckpointConfig,
    /// Seed of initial weights, order and dropout.
    #[serde(default)]
    pub seed: u64,
    /// Threads of libtorch, at most as many as the machine has cores.
    #[serde(default = "threads")]
    pub threads: i32,
    /// `cpu`, `cuda` or `cuda:N`, as [`tachograph_gnn::device`] reads it.
    #[serde(default = "cpu")]
    pub torch_device: String,
}

fn quantities() -> Vec<Quantity> {
    vec![Quantity::Latency]
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

/// Names of devices in a config: one, several, or all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Devices {
    /// One.
    One(String),
    /// Several; none means all.
    Many(Vec<String>),
}

impl Default for Devices {
    fn default() -> Self {
        Self::Many(vec![])
    }
}

impl From<&str> for Devices {
    fn from(name: &str) -> Self {
        Self::One(name.into())
    }
}

impl Devices {
    /// The names; none means all.
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Many(names) => names,
        }
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
        let refuse =
            |e: toml::de::Error| Error::ConfigFile { path: path.into(), message: e.to_string().replace('\n', " ") };
        toml::from_str(&text).map_err(refuse)
    }

    /// Reads the measurements that the run learns from.
    ///
    /// # Errors
    /// As [`Corpus::open`].
    pub fn corpus(&self) -> Result<Corpus> {
        let query = Query { devices: self.device.names().to_vec(), quantities: self.quantities.clone(), batch: None };
        let all = Query { devices: vec![], ..query.clone() };
        let corpus = Corpus::open(&self.data, self.root.as_deref(), &query)?;
        let extend = |corpus: Corpus, set: &PathBuf| Ok(corpus.extend(Corpus::open(set, self.root.as_deref(), &all)?));
        self.extra.iter().try_fold(corpus, extend)
    }

    /// # Errors
    /// The first setting that makes no sense.
    pub(crate) fn check(&self) -> Result<()> {
        self.schedule.check()?;
        self.loss.check()?;
        self.ranking.check()?;
        let size = |x: f64| x >= 0.0 && x.is_finite();
        let refuse = |key: &str, message: String| Err(setting(key, message));
        let cores = thread::available_parallelism().map_or(1, |cores| i32::try_from(cores.get()).unwrap_or(i32::MAX));
        match self {
            c if !(1..=cores).contains(&c.threads) => {
                refuse("threads", format!("{} is not within 1 to {cores}, the cores of this machine", c.threads))
            }
            c if !size(c.rate) => refuse("rate", format!("{} is not 0 or above", c.rate)),
            c if !size(c.clip) => refuse("clip", format!("{} is not 0 or above", c.clip)),
            c if !size(c.clip_each) => refuse("clip_each", format!("{} is not 0 or above", c.clip_each)),
            c if !(0.0..1.0).contains(&c.average) => refuse("average", format!("{} is not within [0, 1)", c.average)),
            c if c.refit && (c.patience > 0 || matches!(c.schedule, Schedule::Plateau { .. })) => {
                let why = "true leaves nothing to validate on, which `patience` and the schedule `plateau` need";
                refuse("refit", why.into())
            }
            c if c.quantities.is_empty() => refuse("quantities", "none".into()),
            c if c.batch == 0 => refuse("batch", "0 is not above 0".into()),
            c if c.checkpoint.epochs == 0 => refuse("checkpoint.epochs", "0 is not above 0".into()),
            c if c.checkpoint.keep == 0 => refuse("checkpoint.keep", "0 is not above 0".into()),
            _ => Ok(()),
        }
    }
}
