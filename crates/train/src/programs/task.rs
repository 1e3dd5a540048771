//! Programs, as a task of the engine.

use std::{collections::BTreeMap, time::Instant};

use tachograph_features::FeatureGraph;
use tch::Device;

use super::{ProgramTask, scorer};
use crate::{
    Example, GraphRanking, Manifest, RankingReport, Result, RunConfig, TorchPredictor, batches,
    group::Group,
    known::{Known, Lists},
    predicting::own_part,
    task::{Draw, Ready, Task, Validation},
};

/// Programs of tasks.
pub(super) struct Programs<'a> {
    pub config: &'a RunConfig,
    pub training: Vec<Example>,
    /// With columns scaled.
    pub validation: Vec<ProgramTask>,
    pub manifest: Manifest,
    pub device: Device,
    pub group: &'static Group,
}

impl Programs<'_> {
    /// The orders of the programs of the tasks that validate, on the first platform.
    pub fn evaluate(&self, predictor: &TorchPredictor) -> Result<RankingReport> {
        let mut tasks = BTreeMap::new();
        let mut scores = Vec::new();
        for (i, task) in self.validation.iter().enumerate() {
            let programs: Vec<&FeatureGraph> = task.programs.iter().collect();
            scores.extend(match self.group.has(i) {
                true => scorer::outputs(predictor, &programs, 0)?,
                false => vec![0.0; programs.len()],
            });
        }
        self.group.sum(&mut scores);
        let mut scores = scores.as_slice();
        for task in &self.validation {
            let (own, rest) = scores.split_at(task.programs.len());
            scores = rest;
            let Some(ms) = task.ms.first() else { continue };
            let slowness = scorer::slowness(own, self.config.loss.ranks(), &task.formula_ms);
            let known = slowness.into_iter().zip(ms).filter(|(_, ms)| ms.is_finite());
            let (slowness, ms): (Vec<f64>, Vec<f64>) = known.unzip();
            tasks.insert(task.name.clone(), GraphRanking::new(&slowness, &ms));
        }
        Ok(RankingReport::new(tasks))
    }
}

impl Task for Programs<'_> {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn plan(&self, epoch: u32) -> Vec<Draw> {
        let plan = batches::plan(self.config, epoch, &self.training);
        plan.into_iter().map(|members| Draw { members, seed: 0 }).collect()
    }

    fn make(&self, draw: Draw) -> Result<Ready> {
        let (start, members) = (Instant::now(), draw.members);
        let examples: Vec<&Example> = members.iter().filter_map(|&i| self.training.get(i)).collect();
        let outputs = &self.manifest.outputs;
        let (batch, own) = own_part(&examples, outputs.len(), self.config, self.device, self.group)?;
        let lists = if self.config.runs > 0 { Lists::Networks } else { Lists::Batch };
        let lists = self.config.loss.ranks().then_some(lists);
        let known = Known::new(&examples, outputs, lists, self.device)?;
        let values = examples.len() * outputs.len();
        Ok(Ready { members, batch, own, values, known, drawn: vec![], seconds: start.elapsed().as_secs_f64() })
    }

    fn name(&self, member: usize) -> Option<&str> {
        self.training.get(member).map(|example| example.name.as_str())
    }

    fn validate(&self, predictor: &TorchPredictor) -> Result<Validation> {
        let report = self.evaluate(predictor)?;
        let chosen = report.mean.metric(self.config.metric);
        Ok(Validation { chosen, report: None, ranking: Some(report), predictions: vec![] })
    }
}
