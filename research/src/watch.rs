//! Ends a training when its time is over.

use std::time::{Duration, Instant};

use tachograph_train::{Epoch, Observer, Step};

/// Watches a training, and tells how it goes.
pub struct Watch {
    until: Option<Duration>,
    start: Instant,
    /// Epochs that were finished.
    pub epochs: u32,
}

impl Watch {
    /// For so long; for as long as it takes.
    pub fn new(until: Option<Duration>) -> Self {
        Self { until, start: Instant::now(), epochs: 0 }
    }
}

impl Observer for Watch {
    fn step(&mut self, step: &Step) -> bool {
        // A restarted run tells where it is.
        self.epochs = self.epochs.max(step.epoch - 1);
        self.until.is_none_or(|until| self.start.elapsed() < until)
    }

    fn epoch(&mut self, epoch: &Epoch) {
        self.epochs = epoch.epoch;
        let chosen = epoch.chosen.unwrap_or(f64::NAN);
        eprintln!("epoch {}, loss {:.4}, validation {chosen:.4}", epoch.epoch, epoch.loss);
    }
}
