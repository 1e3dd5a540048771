//! Arguments of adapting a checkpoint.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::args;

/// Arguments of this way alone.
#[derive(clap::Args)]
#[cfg_attr(not(feature = "torch"), allow(dead_code, reason = "help and the check of values alone"))]
pub struct Options {
    /// The checkpoint to adapt, a file or the name of a bundled one (checkpoint); without it, `cpu`.
    #[arg(long, value_parser = args::name)]
    pub checkpoint: Option<String>,
    /// Where the new checkpoint goes, for one device (checkpoint).
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Use only so many of the measurements, and test on the others (checkpoint).
    #[arg(long)]
    pub k: Option<usize>,
    /// How `--k` and `--plan` choose (checkpoint).
    #[arg(long, value_enum, default_value_t = Select::Stratified)]
    pub select: Select,
    /// Of folds, order and fresh weights (checkpoint).
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Threads of libtorch, at most as many as the machine has cores (checkpoint).
    #[arg(long, default_value_t = 1, value_parser = args::threads)]
    pub threads: i32,
}

/// How networks to measure are chosen.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Select {
    Random,
    /// Far apart in what the network makes of them.
    Diverse,
    /// One of each part by predicted latency.
    Stratified,
}

impl Options {
    /// Whether this way is meant.
    pub fn given(&self) -> bool {
        self.checkpoint.is_some() || self.out.is_some()
    }
}
