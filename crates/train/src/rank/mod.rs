//! Ranking the configurations of a graph: the second task of the engine.

mod config;
mod graph;
mod ranker;
mod report;
mod set;
mod task;

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};
use tachograph_datasets::Part;
use tachograph_ir::Quantity;
use tachograph_predict::NetworkSpec;

pub use config::{RankingConfig, RankingSplit, Sampling};
pub use ranker::{Ranker, Scored, torch_device};
pub use report::{GraphRanking, RankingReport};

use self::{set::Archives, task::Ordering};
use crate::{
    BEST, FORMAT, Manifest, Observer, Output, Result, RunConfig, TorchPredictor, Training, engine,
    error::{file, io, setting},
};

/// What a run that ranks achieved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RankingOutcome {
    /// Hash of the split.
    pub split: String,
    /// Epoch of the chosen weights.
    pub epoch: u32,
    /// Epochs that were run.
    pub epochs: u32,
    /// On the validation set.
    pub validation: RankingReport,
    /// On the test set, measured once, after the choice; without graphs where none is held out.
    pub test: RankingReport,
}

/// Trains a network that ranks configurations as `config` says, in the run directory `dir`; as [`train`](crate::train)
/// otherwise.
///
/// # Errors
/// As [`train`](crate::train); a network that predicts amounts; a metric of amounts; archives that do not fit the network
/// or each other.
pub fn train_ranker(config: &RunConfig, dir: &Path, observer: &mut dyn Observer) -> Result<RankingOutcome> {
    config.check()?;
    let kind = config.model.kind();
    let ranking =
        config.model.ranking().ok_or_else(|| setting("model", format!("`{kind}` ranks no configurations")))?;
    if !config.metric.is_of_order() {
        let known = "opa, kendall, spearman, top-1, top-5, top-10";
        return Err(setting("metric", format!("is of amounts; an order has {known}")));
    }
    engine::together(config, dir, |group, device| {
        let archives = Archives::open(&config.data, config.root.as_deref(), &config.ranking, &ranking)?;
        let times: Vec<f64> = archives
            .members(Part::Train)
            .filter_map(|i| archives.listed.get(i))
            .flat_map(|graph| graph.part(Part::Train).iter().filter_map(|&i| graph.times.get(i)).copied())
            .collect();
        let range = times.iter().fold((f64::MAX, 0f64), |(low, high), &time| (low.min(time), high.max(time)));
        let manifest = Manifest {
            format: FORMAT,
            library: env!("CARGO_PKG_VERSION").into(),
            model: NetworkSpec::of(&config.model).map_err(|e| setting("model", e.to_string()))?,
            members: 1,
            featurizer: archives.fit(&ranking)?,
            training: Training {
                data: config.data.display().to_string(),
                fingerprint: archives.split.clone(),
                networks: times.len(),
                split: archives.split.clone(),
                seed: config.seed,
                epoch: 0,
                validation_mape: None,
                range_ms: (range.0 / 1e6, range.1 / 1e6),
            },
            outputs: vec![Output::new("order of configurations", Quantity::Latency)],
        };
        let task =
            Ordering { config, ranking, archives: &archives, manifest, device, group, memory: Default::default() };
        let epochs = engine::run(config, dir, device, group, &task, observer)?;
        let best = TorchPredictor::load(&dir.join(BEST), device)?;
        let outcome = RankingOutcome {
            split: archives.split.clone(),
            epoch: best.manifest().training.epoch,
            epochs: epochs.last().map_or(0, |e| e.epoch),
            validation: task.evaluate(&best, Part::Validation)?,
            test: task.evaluate(&best, Part::Test)?,
        };
        if group.is_root() {
            let path = dir.join("report.json");
            let json = serde_json::to_string_pretty(&outcome).map_err(|e| file(&path, e))?;
            fs::write(&path, json).map_err(io(&path))?;
        }
        Ok(outcome)
    })
}
