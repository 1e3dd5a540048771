//! What is adapted, and which measurements are used.

use anyhow::Result;
use tachograph_features::FeatureGraph;
use tachograph_ir::Quantity;
use tachograph_predict::{Bundled, Checkpoint, torch::TorchPredictor};
use tachograph_train::{Selection, select};
use tch::Device;

use crate::verbs::transfer::options::{Options, Select};

impl Options {
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
