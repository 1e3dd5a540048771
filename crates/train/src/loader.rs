//! Batches prepared on a thread of their own.

use std::{
    sync::mpsc::{Receiver, sync_channel},
    thread,
    time::Instant,
};

use tachograph_features::FeatureGraph;
use tachograph_gnn::{BatchOptions, GraphBatch};
use tch::Device;

use crate::{
    Error, Output, Result, Sample,
    known::{Known, Lists},
    samples,
};

/// Batches that may lie ready.
const AHEAD: usize = 2;

/// A batch on its device.
pub(crate) struct Ready {
    /// Positions in the training set.
    pub members: Vec<usize>,
    pub batch: GraphBatch,
    /// What the network should put out.
    pub known: Known,
    /// Seconds of the preparation.
    pub seconds: f64,
}

/// How batches are made.
pub(crate) struct Recipe<'a> {
    pub training: &'a [Sample],
    pub options: BatchOptions,
    pub outputs: &'a [Output],
    /// `None` where the loss does not rank.
    pub lists: Option<Lists>,
    pub device: Device,
}

impl Recipe<'_> {
    fn make(&self, members: Vec<usize>) -> Result<Ready> {
        let start = Instant::now();
        let samples: Vec<&Sample> = members.iter().filter_map(|&i| self.training.get(i)).collect();
        let features: Vec<&FeatureGraph> = samples.iter().map(|s| &s.features).collect();
        let batch = samples::collate(&features, &self.options, self.device)?;
        let known = Known::new(&samples, self.outputs, self.lists, self.device)?;
        Ok(Ready { members, batch, known, seconds: start.elapsed().as_secs_f64() })
    }
}

/// Runs `consume` on the batches of `plan`, in order, while the next ones are prepared beside it.
pub(crate) fn with_batches<T>(
    recipe: &Recipe<'_>,
    plan: Vec<Vec<usize>>,
    consume: impl FnOnce(Receiver<Result<Ready>>) -> Result<T>,
) -> Result<T> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        let producer = scope.spawn(move || {
            for members in plan {
                if sender.send(recipe.make(members)).is_err() {
                    // The consumer has gone.
                    break;
                }
            }
        });
        let outcome = consume(receiver);
        let panicked = |_| Error::Config("the preparation of batches panicked".into());
        producer.join().map_err(panicked).and(outcome)
    })
}
