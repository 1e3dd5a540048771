//! What is learned: amounts of graphs, or the order of configurations. The engine runs either.

use std::{collections::BTreeMap, ops::Range};

use rand::Rng;
use tachograph_gnn::GraphBatch;
use tachograph_metrics::Report;
use tch::Tensor;

use crate::{Manifest, Predicted, RankingReport, Result, TorchPredictor, known::Known};

/// What a step is made of: positions in the training set, and a seed for whatever is drawn of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draw {
    pub members: Vec<usize>,
    pub seed: u64,
}

/// A step's batch on its device; where several ranks make a step, what is this rank's of it.
pub(crate) struct Ready {
    /// Positions in the training set, of the whole batch.
    pub members: Vec<usize>,
    /// This rank's part; `None` where there are more ranks than members.
    pub batch: Option<GraphBatch>,
    /// Which of the values that the network puts out for the whole batch are this rank's, and how many there are.
    pub own: Range<usize>,
    pub values: usize,
    /// What the network should put out, for the whole batch.
    pub known: Known,
    /// Which configurations of each member of the whole batch were drawn, and of which segment; none where none are.
    pub drawn: Vec<Drawn>,
    /// Seconds of the preparation.
    pub seconds: f64,
}

/// Configurations of a graph that are in a step.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    pub graph: usize,
    pub configurations: Vec<usize>,
    pub segment: usize,
    pub segments: usize,
    /// Draws what is remembered of other segments.
    pub seed: u64,
}

/// How a predictor does on what is held out.
pub(crate) struct Validation {
    /// The metric that chooses.
    pub chosen: Option<f64>,
    /// Of amounts.
    pub report: Option<Report>,
    /// Of an order.
    pub ranking: Option<RankingReport>,
    /// Of amounts, beside what was measured.
    pub predictions: Vec<Predicted>,
}

/// The data of a run, and what becomes of them.
pub(crate) trait Task: Sync {
    /// Of the checkpoint to be, before any epoch.
    fn manifest(&self) -> &Manifest;

    /// The steps of an epoch: a function of the config and the epoch alone.
    fn plan(&self, epoch: u32) -> Vec<Draw>;

    /// The batch of a step; on a thread beside the one that computes.
    fn make(&self, draw: Draw) -> Result<Ready>;

    /// Name of a member of the training set.
    fn name(&self, member: usize) -> Option<&str>;

    /// What the loss sees of what the network put out.
    fn prediction(&self, _: &Ready, live: Tensor) -> Result<Tensor> {
        Ok(live)
    }

    /// Judges weights on the validation set.
    fn validate(&self, predictor: &TorchPredictor) -> Result<Validation>;

    /// What has to be saved beside weights for the run to go on as it would have.
    fn state(&self) -> Result<BTreeMap<String, Tensor>> {
        Ok(BTreeMap::new())
    }

    /// Puts it back.
    fn restore(&self, _: &BTreeMap<String, Tensor>) -> Result<()> {
        Ok(())
    }
}

/// A seed for each step.
pub(crate) fn draws(plan: Vec<Vec<usize>>, rng: &mut impl Rng) -> Vec<Draw> {
    plan.into_iter().map(|members| Draw { members, seed: rng.random() }).collect()
}
