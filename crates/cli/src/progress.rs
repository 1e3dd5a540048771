//! How a training run shows itself, and Ctrl-C.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tachograph_train::{Epoch, Observer, Step};

/// A bar on standard error, where that is a terminal, or JSON lines on standard output. Ctrl-C stops the run after the step
/// under way.
pub struct Progress {
    json: bool,
    bar: ProgressBar,
    validation: String,
    stop: Arc<AtomicBool>,
}

impl Progress {
    /// Takes over Ctrl-C: the first asks the run to stop, the second ends the process.
    ///
    /// # Errors
    /// The handler cannot be installed.
    pub fn new(json: bool) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        ctrlc::set_handler(move || {
            if asked.swap(true, Ordering::SeqCst) {
                process::exit(130);
            }
        })?;
        let template = "{wide_bar} step {pos}/{len}, {per_sec}, {eta} left  {msg}";
        let bar = if json { ProgressBar::hidden() } else { ProgressBar::no_length() };
        bar.set_style(ProgressStyle::with_template(template)?);
        Ok(Self { json, bar, validation: String::new(), stop })
    }

    /// Removes the bar.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn step(&mut self, step: &Step) -> bool {
        if self.bar.length().is_none() {
            // What was done before this process started is no part of its rate.
            self.bar.set_position(step.step - 1);
            self.bar.reset_eta();
        }
        let left = u64::from(step.epochs - step.epoch) * step.of_epoch as u64 + (step.of_epoch - step.in_epoch) as u64;
        self.bar.set_length(step.step + left);
        self.bar.set_position(step.step);
        let (epoch, epochs, loss) = (step.epoch, step.epochs, step.loss);
        self.bar.set_message(format!("epoch {epoch}/{epochs}, loss {loss:.4}{}", self.validation));
        !self.stop.load(Ordering::SeqCst)
    }

    fn epoch(&mut self, epoch: &Epoch) {
        if let Some(report) = &epoch.validation {
            let (mape, within) = (100.0 * report.mape, 100.0 * report.acc_10);
            self.validation = format!(", validation MAPE {mape:.2} %, Acc@10 % {within:.1} %");
        }
        if let Some(opa) = epoch.ranking.as_ref().and_then(|report| report.mean.opa) {
            self.validation = format!(", validation: {:.1} % of pairs in order", 100.0 * opa);
        }
        if self.json {
            out!("{}", json!({ "epoch": epoch }));
        }
    }

    fn notice(&mut self, message: &str) {
        match self.json {
            true => out!("{}", json!({ "notice": message })),
            false => self.bar.suspend(|| eprintln!("notice: {message}")),
        }
    }
}
