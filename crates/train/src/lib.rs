#![doc = include_str!("../README.md")]

mod adapt;
mod average;
mod baselines;
mod batches;
mod checkpoint;
mod choose;
mod collate;
mod config;
mod corpus;
mod engine;
mod ensemble;
mod error;
mod evaluate;
mod example;
mod interval;
mod known;
mod loader;
mod log;
pub mod loss;
mod manifest;
mod metric;
mod names;
mod observer;
pub mod optimizer;
#[cfg(feature = "plots")]
pub mod plots;
mod predictor;
mod prepare;
mod report;
mod schedule;
mod split;
mod target;
mod tensors;

// A run, from its config to its report.
pub use config::{CheckpointConfig, Devices, RunConfig};
pub use engine::{BEST, train, train_observed, train_on};
pub use log::METRICS;
pub use observer::{Epoch, Observer, Step, Timing};
pub use report::Outcome;

// What it learns from.
pub use corpus::{Choice, Corpus, Entry};
pub use example::Example;
pub use split::{Division, SplitConfig};

// How it learns.
pub use loss::Loss;
pub use metric::Metric;
pub use optimizer::{Optimizer, OptimizerConfig};
pub use schedule::{Plateau, Schedule};
pub use target::{Target, TargetConfig};

// What comes out, and how good it is.
pub use baselines::{baselines, fit_baseline, static_rows};
pub use collate::collate;
pub use evaluate::{Evaluation, Predicted, evaluate};
pub use interval::{PredictionInterval, coverage};
pub use manifest::{FORMAT, Manifest, Output, Training};
pub use names::Near;
pub use predictor::{Prediction, Predictor};
pub use tachograph_ir::Quantity;

// What is done with it: a new device, a configuration.
pub use adapt::{AdaptConfig, AdaptReport, Candidate, DeviceScale, Method, Selection, adapt, select};
pub use choose::{Budget, Choices, Configuration, choose};

pub use error::{Error, Result};
