//! Training, evaluation and checkpoints of performance predictors.
//!
//! [`train`] makes a run directory of a [`RunConfig`]; see `docs/training.md`. A [`Predictor`] is what comes out.

mod adapt;
mod average;
mod baselines;
mod batches;
mod checkpoint;
mod config;
mod engine;
mod error;
mod loader;
mod log;
mod loss;
mod metric;
mod observer;
mod optimizer;
#[cfg(feature = "plots")]
pub mod plots;
mod predictor;
mod prepare;
mod report;
mod samples;
mod schedule;
mod target;
mod tensors;

pub use adapt::{AdaptConfig, AdaptReport, Calibration, Candidate, Method, Selection, adapt, select};
pub use baselines::baselines;
pub use config::{CheckpointConfig, RunConfig, SplitConfig};
pub use engine::{BEST, train, train_observed};
pub use error::{Error, Result};
pub use log::METRICS;
pub use loss::{Loss, Segments, Weighted};
pub use metric::Metric;
pub use observer::{Epoch, Observer, Step, Timing};
pub use optimizer::{AdamConfig, AdamWConfig, Optimizer, OptimizerConfig, SgdConfig};
pub use predictor::{DeviceDocument, Document, FORMAT, Prediction, Predictor, Training};
pub use report::{Outcome, Predicted, evaluate};
pub use samples::{Sample, bind, collate, featurize};
pub use schedule::{Plateau, Schedule};
pub use target::{Target, TargetConfig};
