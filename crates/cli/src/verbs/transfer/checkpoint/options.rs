//! Arguments of adapting a checkpoint.

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;
use tachograph_features::FeatureGraph;
use tachograph_ir::Quantity;
use tachograph_predict::{Bundled, Checkpoint, torch::TorchPredictor};
use tachograph_train::{Selection, select};
use tch::Device;

use crate::verbs::threads;

/// Arguments of this way alone.
#[derive(clap::Args)]
pub struct Options {
    /// The checkpoint to adapt, a file or the name of a bundled one (checkpoint); without it, `cpu`.
    #[arg(long)]
    checkpoint: Option<String>,
    /// Where the new checkpoint goes, for one device (checkpoint).
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Use only so many of the measurements, and test on the others (checkpoint).
    #[arg(long)]
    pub k: Option<usize>,
    /// How `--k` and `--plan` choose (checkpoint).
    #[arg(long, value_enum, default_value_t = Select::Stratified)]
    select: Select,
    /// Of folds, order and fresh weights (checkpoint).
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Threads of libtorch (checkpoint).
    #[arg(long, default_value_t = 1, value_parser = threads())]
    pub threads: i32,
}

/// How networks to measure are chosen.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Select {
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

    /// The checkpoint to adapt.
    pub fn source(&self) -> Result<TorchPredictor> {
        let name = self.checkpoint.as_deref().unwrap_or("cpu");
        let checkpoint = match Bundled::named(name) {
            Ok(bundled) => bundled.checkpoint()?,
            Err(_) => Checkpoint::load(name.as_ref())?,
        };
        Ok(TorchPredictor::new(checkpoint, Device::Cpu)?)
    }

    /// Which of `graphs` to measure, or to use.
    pub fn choose(&self, source: &TorchPredictor, graphs: &[&FeatureGraph], count: usize) -> Result<Vec<usize>> {
        let selection = match self.select {
            Select::Random => Selection::Random,
            Select::Diverse => Selection::Diverse,
            Select::Stratified => Selection::Stratified,
        };
        Ok(select(source, source.manifest().output(None, Quantity::Latency)?, graphs, count, selection, self.seed)?)
    }
}
