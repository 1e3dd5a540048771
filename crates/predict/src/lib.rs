#![doc = include_str!("../README.md")]

mod bundled;
mod catalog;
mod checkpoint;
mod choose;
mod ensemble;
mod error;
mod estimate;
mod familiar;
mod here;
mod interval;
mod ladder;
mod manifest;
pub mod mig;
mod names;
mod outside;
#[cfg(feature = "page")]
mod page;
mod physics;
mod plain;
mod prediction;
mod predictor;
mod scale;
mod seen;
mod shares;
pub mod tensors;
#[cfg(feature = "torch")]
pub mod torch;

pub use bundled::Bundled;
pub use catalog::{Catalog, DeviceEntry, Forecast, Shortage};
pub use checkpoint::Checkpoint;
pub use choose::{Budget, Choices, Configuration, choose};
pub use ensemble::role;
pub use error::{Error, Result};
pub use interval::PredictionInterval;
pub use manifest::{FORMAT, Manifest, NOT_RECORDED, NetworkSpec, Output, OutputId, Training};
pub use names::{Near, find_device};
pub use outside::Outside;
#[cfg(feature = "page")]
pub use page::page;
pub use physics::data_types;
pub use prediction::{Amount, Bounds, Prediction};
pub use predictor::Predictor;
pub use scale::{DeviceScale, OutputScale};
pub use seen::{Ratios, Sample, Seen};
pub use shares::Shares;
