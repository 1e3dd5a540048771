//! Training, evaluation and checkpoints of performance predictors.

mod baselines;
mod config;
mod engine;
mod error;
mod loss;
mod optimizer;
mod predictor;
mod samples;
mod tensors;

pub use baselines::baselines;
pub use config::{RunConfig, Schedule, SplitConfig};
pub use engine::{BEST, Epoch, Outcome, evaluate, train};
pub use error::{Error, Result};
pub use loss::{Loss, Segments, Weighted};
pub use optimizer::{Adam, AdamConfig};
pub use predictor::{DeviceDocument, Document, FORMAT, Prediction, Predictor, Training};
pub use samples::{Sample, bind, collate, featurize};
