//! A scorer that goes on learning while programs are measured.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use tachograph_features::FeatureGraph;

use super::{ProgramScorer, ProgramTask, examples};
use crate::{
    Error, Example, Loss, Optimizer, OptimizerConfig, Result, collate,
    error::{setting, torch},
    known::{Known, Lists},
    loss::LambdaRank,
    optimizer::AdamConfig,
};

/// How [`ProgramScorer::learn`] learns: TLP's loss and optimiser by default, on batches that suit some hundred programs.
#[derive(Clone, Debug, PartialEq)]
pub struct Learning {
    /// Passes over the programs.
    pub epochs: u32,
    /// Programs in a step, at most; those of a step are ranked among each other.
    pub batch: usize,
    /// Learning rate.
    pub rate: f64,
    /// Largest norm of all gradients together.
    pub clip: f64,
    /// What is minimised.
    pub loss: Loss,
    /// The optimiser.
    pub optimizer: OptimizerConfig,
    /// Of order and dropout.
    pub seed: u64,
}

impl Default for Learning {
    fn default() -> Self {
        let adam = AdamConfig { decay: 1e-6, ..AdamConfig::default() };
        Self {
            epochs: 30,
            batch: 32,
            rate: 7e-4,
            clip: 0.5,
            loss: LambdaRank::default().into(),
            optimizer: OptimizerConfig::Adam(adam),
            seed: 0,
        }
    }
}

impl ProgramScorer {
    /// Learns from measured programs, from the weights that it has; scales of columns stay. The loss of the last pass.
    ///
    /// # Errors
    /// Programs of other features; a loss that does not fit what the network puts out, or is not finite; a setting that makes
    /// no sense.
    pub fn learn(&mut self, tasks: &[ProgramTask], learning: &Learning) -> Result<f64> {
        if learning.loss.ranks() != self.ranks {
            return Err(setting(
                "loss",
                "the network puts out an order where this needs a time, or a time where an order",
            ));
        }
        let examples = tasks.iter().map(|task| examples(task, self.ranks, &self.manifest().featurizer));
        let examples: Vec<Example> = examples.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        let mut optimizer = Optimizer::new(self.predictor.store(), learning.optimizer)?;
        let mut rng = ChaCha8Rng::seed_from_u64(learning.seed);
        tch::manual_seed(learning.seed as i64);
        let mut order: Vec<usize> = (0..examples.len()).collect();
        let mut last = 0.0;
        for _ in 0..learning.epochs {
            // Programs of a task stand together, since orders are of a task alone.
            order.shuffle(&mut rng);
            order.sort_by(|&a, &b| examples[a].name.cmp(&examples[b].name));
            let mut batches: Vec<&[usize]> = order.chunk_by(|&a, &b| examples[a].name == examples[b].name).collect();
            batches = batches.into_iter().flat_map(|task| task.chunks(learning.batch.max(1))).collect();
            batches.shuffle(&mut rng);
            last = 0.0;
            for batch in batches {
                let batch: Vec<&Example> = batch.iter().map(|&i| &examples[i]).collect();
                last += self.step(&batch, &mut optimizer, learning)? * batch.len() as f64 / examples.len() as f64;
            }
        }
        Ok(last)
    }

    fn step(&self, examples: &[&Example], optimizer: &mut Optimizer, learning: &Learning) -> Result<f64> {
        let (predictor, device) = (&self.predictor, self.predictor.store().device());
        let features: Vec<&FeatureGraph> = examples.iter().map(|example| &example.features).collect();
        let batch = collate(&features, &predictor.config().batch_options(true), device)?;
        let outputs = &predictor.manifest().outputs;
        let known = Known::new(examples, outputs, self.ranks.then_some(Lists::Batch), device)?;
        let prediction = predictor.outputs(&batch, &(0..outputs.len()).collect::<Vec<_>>(), true)?;
        let loss = learning.loss.value(&known.of(&prediction)?, &known.targets, known.lists.as_ref())?;
        let value = f64::try_from(&loss).map_err(torch("loss"))?;
        let (step, members) = (optimizer.steps(), examples.first().map_or("", |example| &example.name));
        let finite = |what: &str, value: f64| match value.is_finite() {
            true => Ok(()),
            false => Err(Error::NotFinite { step, what: format!("{what} {value}"), members: members.into() }),
        };
        finite("loss", value)?;
        optimizer.zero_grad();
        loss.f_backward().map_err(torch("backward"))?;
        finite("norm of the gradients", optimizer.clip(learning.clip, 0.0)?)?;
        optimizer.step(learning.rate)?;
        Ok(value)
    }
}
