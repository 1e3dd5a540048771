//! Training, evaluation and checkpoints of performance predictors.
//!
//! [`train`] makes a run directory of a [`RunConfig`]; see `docs/training.md`. A [`Predictor`] is what comes out.

mod adapt;
mod average;
mod baselines;
mod batches;
mod checkpoint;
mod choose;
mod config;
mod corpus;
mod engine;
mod ensemble;
mod error;
mod evaluate;
mod interval;
mod known;
mod loader;
mod log;
mod loss;
mod manifest;
mod metric;
mod names;
mod observer;
mod optimizer;
#[cfg(feature = "plots")]
pub mod plots;
mod predictor;
mod prepare;
mod report;
mod samples;
mod schedule;
mod split;
mod target;
mod tensors;

pub use adapt::{AdaptConfig, AdaptReport, Candidate, DeviceScale, Method, Selection, adapt, select};
pub use baselines::{baselines, fit_baseline, static_rows};
pub use choose::{Budget, Choices, Configuration, choose};
pub use config::{CheckpointConfig, Devices, RunConfig};
pub use corpus::{Corpus, Entry, Query};
pub use engine::{BEST, train, train_observed, train_on};
pub use error::{Error, Result};
pub use evaluate::{Evaluation, Predicted, evaluate};
pub use interval::{PredictionInterval, coverage};
pub use log::METRICS;
pub use loss::{Loss, Mixed, Segments, Weighted};
pub use manifest::{FORMAT, Manifest, Output, Training};
pub use metric::Metric;
pub use names::Near;
pub use observer::{Epoch, Observer, Step, Timing};
pub use optimizer::{AdamConfig, AdamWConfig, Optimizer, OptimizerConfig, SgdConfig};
pub use predictor::{Prediction, Predictor};
pub use report::Outcome;
pub use samples::{Sample, collate};
pub use schedule::{Plateau, Schedule};
pub use split::{Division, SplitConfig};
pub use tachograph_ir::Quantity;
pub use target::{Target, TargetConfig};
