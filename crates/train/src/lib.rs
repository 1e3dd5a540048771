#![doc = include_str!("../README.md")]

mod adapt;
mod average;
mod baselines;
mod batches;
mod checkpoint;
mod config;
mod corpus;
mod engine;
mod error;
mod evaluate;
mod example;
mod extrapolate;
mod group;
mod interval;
mod known;
mod loader;
mod log;
pub mod loss;
mod metric;
mod observer;
pub mod optimizer;
#[cfg(feature = "plots")]
pub mod plots;
mod predicting;
mod prepare;
mod programs;
mod rank;
mod report;
mod schedule;
mod seen;
mod split;
mod target;
mod task;

// A run, from its config to its report.
pub use config::{CheckpointConfig, Devices, RunConfig};
pub use engine::{BEST, train, train_observed, train_on};
pub use group::rank;
pub use log::METRICS;
pub use observer::{Epoch, Observer, Step, Timing};
pub use report::Outcome;

// What it learns from.
pub use corpus::{Corpus, Entry, Query};
pub use example::Example;
pub use split::{Division, SplitConfig};

// How it learns.
pub use loss::Loss;
pub use metric::Metric;
pub use optimizer::{Optimizer, OptimizerConfig};
pub use schedule::{Plateau, Schedule};
pub use target::TargetConfig;

// What comes out, and how good it is.
pub use baselines::{baselines, fit_baseline, static_rows};
pub use evaluate::{Evaluation, Predicted, evaluate};
pub use extrapolate::{Extrapolation, extrapolate};
pub use interval::{calibrate, coverage};
pub use seen::record_seen;

// The other task: which configuration is faster.
pub use rank::{
    GraphRanking, Ranker, RankingConfig, RankingOutcome, RankingReport, RankingSplit, Sampling, Scored, torch_device,
    train_ranker,
};

// The third: which tensor program is faster.
pub use programs::{Learning, ProgramOutcome, ProgramScorer, ProgramTask, train_programs};

// What is done with it: a new device.
pub use adapt::{AdaptConfig, AdaptReport, Candidate, Method, Selection, adapt, select};

pub use error::{Error, Result};

pub(crate) use tachograph_predict::{
    DeviceScale, FORMAT, Manifest, Output, OutputScale, PredictionInterval, Training,
    torch::{TorchPredictor, collate},
};
