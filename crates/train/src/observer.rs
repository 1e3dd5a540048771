//! What a run tells while it runs.

use serde::{Deserialize, Serialize};
use tachograph_metrics::Report;

use crate::RankingReport;

/// Watches a run. Where several ranks train together each has one, and all but steps is told to that of the first alone.
pub trait Observer {
    /// After every step. To return false is to stop the run, on one rank or all: its state is saved, and it ends with
    /// [`Error::Interrupted`](crate::Error::Interrupted).
    fn step(&mut self, _step: &Step) -> bool {
        true
    }

    /// After every epoch.
    fn epoch(&mut self, _epoch: &Epoch) {}

    /// Something the user should know, such as a damaged checkpoint that was passed over.
    fn notice(&mut self, _message: &str) {}
}

/// A finished step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Steps taken in the run.
    pub step: u64,
    /// Epoch under way, from 1.
    pub epoch: u32,
    /// Epochs of the run.
    pub epochs: u32,
    /// Steps taken in this epoch.
    pub in_epoch: usize,
    /// Steps of this epoch.
    pub of_epoch: usize,
    /// Measurements in the batch.
    pub samples: usize,
    /// Loss of the batch.
    pub loss: f64,
    /// Learning rate.
    pub rate: f64,
}

/// A finished epoch; one line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Finished epochs.
    pub epoch: u32,
    /// Steps taken in the run.
    pub step: u64,
    /// Mean training loss.
    pub loss: f64,
    /// Learning rate of the last step.
    pub rate: f64,
    /// Metric that chooses the best epoch, on the validation set; `None` where it is not defined.
    pub chosen: Option<f64>,
    /// True when this is the best epoch so far.
    pub best: bool,
    /// Of amounts, on the validation set; `None` where an order is learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Report>,
    /// Of an order, on the validation set; `None` where amounts are learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranking: Option<RankingReport>,
    /// Where the time went, of the part of the epoch since the process started.
    pub timing: Timing,
}

/// Seconds of an epoch. All but `prepare` add up to nearly `total`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Preparation of batches, on a thread of its own.
    pub prepare: f64,
    /// Time that the compute thread waited for a batch.
    pub wait: f64,
    /// Predictions and loss.
    pub forward: f64,
    /// Gradients.
    pub backward: f64,
    /// What ranks tell each other, beside computation: predictions, gradients that were waited for, whether to stop. What
    /// goes on while gradients are computed is no part of it.
    #[serde(default)]
    pub communicate: f64,
    /// Clipping, optimiser and average.
    pub step: f64,
    /// Validation.
    pub validate: f64,
    /// Checkpoints.
    pub save: f64,
    /// Everything.
    pub total: f64,
}
