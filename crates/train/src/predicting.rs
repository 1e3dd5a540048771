//! Amounts of graphs, as a task of the engine.

use std::time::Instant;

use tachograph_features::FeatureGraph;
use tch::Device;

use crate::{
    Example, Manifest, Result, RunConfig, TorchPredictor, batches, collate,
    evaluate::evaluate,
    known::{Known, Lists},
    prepare::Prepared,
    task::{Draw, Ready, Task, Validation},
};

/// Amounts of graphs.
pub(crate) struct Predicting<'a> {
    pub config: &'a RunConfig,
    pub data: &'a Prepared,
    pub device: Device,
}

impl Predicting<'_> {
    /// What ranking losses rank; `None` where the loss does not.
    fn lists(&self) -> Option<Lists> {
        let lists = if self.config.runs > 0 { Lists::Networks } else { Lists::Batch };
        self.config.loss.ranks().then_some(lists)
    }
}

impl Task for Predicting<'_> {
    fn manifest(&self) -> &Manifest {
        &self.data.manifest
    }

    fn plan(&self, epoch: u32) -> Vec<Draw> {
        let plan = batches::plan(self.config, epoch, &self.data.training);
        // All of an example is in the batch: nothing is drawn of it.
        plan.into_iter().map(|members| Draw { members, seed: 0 }).collect()
    }

    fn make(&self, draw: Draw) -> Result<Ready> {
        let (start, members) = (Instant::now(), draw.members);
        let examples: Vec<&Example> = members.iter().filter_map(|&i| self.data.training.get(i)).collect();
        let features: Vec<&FeatureGraph> = examples.iter().map(|e| &e.features).collect();
        let batch = collate(&features, &self.config.model.batch_options(true), self.device)?;
        let known = Known::new(&examples, &self.data.manifest.outputs, self.lists(), self.device)?;
        Ok(Ready { members, batch, known, drawn: vec![], seconds: start.elapsed().as_secs_f64() })
    }

    fn name(&self, member: usize) -> Option<&str> {
        self.data.training.get(member).map(|example| example.name.as_str())
    }

    fn validate(&self, predictor: &TorchPredictor) -> Result<Validation> {
        let evaluation = evaluate(predictor, &self.data.validation)?;
        Ok(Validation {
            chosen: evaluation.metric(self.config.metric),
            report: Some(evaluation.report),
            ranking: None,
            predictions: evaluation.predictions,
        })
    }
}
