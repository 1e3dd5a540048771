#![doc = include_str!("../README.md")]

mod bundled;
mod catalog;
mod checkpoint;
mod choose;
mod ensemble;
mod error;
mod interval;
mod manifest;
mod measured;
mod names;
mod plain;
mod predictor;
mod scale;
pub mod tensors;
#[cfg(feature = "torch")]
pub mod torch;

pub use bundled::Bundled;
pub use catalog::{Catalog, DeviceEntry, Forecast};
pub use checkpoint::Checkpoint;
pub use choose::{Budget, Choices, Configuration, choose};
pub use ensemble::role;
pub use error::{Error, Result};
pub use interval::PredictionInterval;
pub use manifest::{FORMAT, Manifest, NOT_RECORDED, NetworkSpec, Output, OutputId, Training};
pub use measured::{Bounds, Measured, Prediction};
pub use names::Near;
pub use predictor::Predictor;
pub use scale::{DeviceScale, OutputScale};
