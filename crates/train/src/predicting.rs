//! Amounts of graphs, as a task of the engine.

use std::{ops::Range, time::Instant};

use tachograph_features::FeatureGraph;
use tachograph_gnn::GraphBatch;
use tch::Device;

use crate::{
    Example, Manifest, Result, RunConfig, TorchPredictor, batches, collate,
    evaluate::evaluate_in,
    group::Group,
    known::{Known, Lists},
    prepare::Prepared,
    task::{Draw, Ready, Task, Validation},
};

/// Amounts of graphs.
pub(crate) struct Predicting<'a> {
    pub config: &'a RunConfig,
    pub data: &'a Prepared,
    pub device: Device,
    pub group: &'static Group,
}

/// A rank's part of a batch of examples, and which values of `outputs` each are its own.
pub(crate) fn own_part(
    examples: &[&Example],
    outputs: usize,
    config: &RunConfig,
    device: Device,
    group: &Group,
) -> Result<(Option<GraphBatch>, Range<usize>)> {
    let part = group.part(examples.len());
    let own = part.start * outputs..part.end * outputs;
    let features: Vec<&FeatureGraph> = examples.get(part).unwrap_or_default().iter().map(|e| &e.features).collect();
    let collated = || collate(&features, &config.model.batch_options(true), device);
    Ok(((!features.is_empty()).then(collated).transpose()?, own))
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
        let outputs = &self.data.manifest.outputs;
        let (batch, own) = own_part(&examples, outputs.len(), self.config, self.device, self.group)?;
        let known = Known::new(&examples, outputs, self.lists(), self.device)?;
        let values = examples.len() * outputs.len();
        Ok(Ready { members, batch, own, values, known, drawn: vec![], seconds: start.elapsed().as_secs_f64() })
    }

    fn name(&self, member: usize) -> Option<&str> {
        self.data.training.get(member).map(|example| example.name.as_str())
    }

    fn validate(&self, predictor: &TorchPredictor) -> Result<Validation> {
        let evaluation = evaluate_in(self.group, predictor, &self.data.validation)?;
        Ok(Validation {
            chosen: evaluation.metric(self.config.metric),
            report: Some(evaluation.report),
            ranking: None,
            predictions: evaluation.predictions,
        })
    }
}
