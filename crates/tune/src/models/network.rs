//! Networks on libtorch as cost models: those of `tachograph-models` that read tensor programs.

use std::path::Path;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use tachograph_features::{FeatureGraph, FeatureSet};
use tachograph_models::ModelConfig;
use tachograph_train::{Learning, ProgramScorer, ProgramTask};
use tch::Device;

use super::{CostModel, Estimate, Reading, programs};
use crate::{Error, Result};

/// Passes of a fit that begins with fresh weights, and of one that goes on from a checkpoint.
const FRESH: u32 = 30;
const FURTHER: u32 = 10;

/// A network that learns the order of the programs of a task, as they are measured: from fresh weights in each fit, or from
/// where a checkpoint, and then the last fit, left it. Programs that failed are slower than all others.
pub struct Learned {
    name: &'static str,
    config: ModelConfig,
    set: FeatureSet,
    scorer: Option<ProgramScorer>,
    further: bool,
}

impl Learned {
    /// # Errors
    /// Settings or features that there are not; a checkpoint that cannot be read, or of another network or other features.
    pub(super) fn new(name: &'static str, settings: &str, features: &str, checkpoint: Option<&Path>) -> Result<Self> {
        let fail = |message: String| Error::Model { model: name, message };
        let config: ModelConfig = serde_json::from_str(settings).map_err(|error| fail(error.to_string()))?;
        let set = programs::set(features)?;
        let load = |path: &Path| {
            let scorer = ProgramScorer::load(path, Device::Cpu).map_err(|error| fail(error.to_string()))?;
            if *scorer.model() != config || scorer.features() != set || scorer.gives_times() {
                return Err(fail(format!("{}: another network, other features, or no order", path.display())));
            }
            Ok(scorer)
        };
        let scorer = checkpoint.map(load).transpose()?;
        Ok(Self { name, config, set, further: scorer.is_some(), scorer })
    }

    fn fail(&self, error: impl std::fmt::Display) -> Error {
        Error::Model { model: self.name, message: error.to_string() }
    }

    fn programs(&self, points: &[Reading]) -> Result<Vec<FeatureGraph>> {
        let program = |point: &Reading| match point {
            Reading::Program(features) => programs::graph(features).map_err(|error| self.fail(error)),
            Reading::Row(_) => Err(self.fail("reads programs, and a table of configurations has none")),
        };
        points.iter().map(program).collect()
    }
}

impl CostModel for Learned {
    fn fit(&mut self, points: &[Reading], scores: &[f64], rng: &mut ChaCha8Rng) -> Result<()> {
        // An order of fewer says nothing.
        if scores.iter().filter(|score| **score > 0.0).count() < 2 {
            return Ok(());
        }
        let n = points.len();
        let task = ProgramTask {
            name: self.name.into(),
            programs: self.programs(points)?,
            // What failed has no time: it is as if it took for ever.
            ms: vec![scores.iter().map(|score| 1.0 / score).collect()],
            formula_ms: vec![1.0; n],
        };
        let tasks = std::slice::from_ref(&task);
        let seed: u32 = rng.random();
        if !self.further {
            tch::manual_seed(seed.into());
            let fresh = ProgramScorer::untrained(&self.config, self.set, tasks, Device::Cpu);
            self.scorer = Some(fresh.map_err(|error| self.fail(error))?);
        }
        let epochs = if self.further { FURTHER } else { FRESH };
        let learning = Learning { epochs, seed: seed.into(), ..Learning::default() };
        let learned = self.scorer.as_mut().map(|scorer| scorer.learn(tasks, &learning)).transpose();
        learned.map(|_| ()).map_err(|error| self.fail(error))
    }

    fn predict(&self, points: &[Reading]) -> Result<Vec<Estimate>> {
        let Some(scorer) = &self.scorer else { return Ok(vec![Estimate { mean: 0.0, deviation: 0.0 }; points.len()]) };
        let programs = self.programs(points)?;
        let slowness = scorer.score(&programs, &vec![1.0; programs.len()], 0).map_err(|error| self.fail(error))?;
        Ok(slowness.into_iter().map(|slowness| Estimate { mean: -slowness, deviation: 0.0 }).collect())
    }

    fn is_trained(&self) -> bool {
        self.further
    }
}
