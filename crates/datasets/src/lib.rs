//! Measurement records, splits, data sets of this project and published ones.
//!
//! A [`DataSet`] is a folder that holds graphs and what was measured on them; a [`Writer`] makes one
//! and survives being killed; a [`Split`] divides its networks for training and test.
//!
//! [`SETS`] lists published sets, [`open`] opens one of them as a [`Source`] of [`Measurement`]s, and the types in
//! [`sets`] hold all that was published. Measurements of your own, as a table beside model files, are a
//! [`CsvSet`].

mod about;
mod csv_set;
mod device_split;
mod device_times;
mod error;
mod estimate;
mod folds;
mod measured;
mod measurement;
mod noise;
mod record;
pub mod sets;
mod source;
mod split;
mod store;
mod summary;
mod table;
mod verify;

pub use about::{About, DATA, data_root, find, open};
pub use csv_set::{CsvRow, CsvSet};
pub use device_split::DeviceSplit;
pub use device_times::{DeviceTimes, TimedNetwork, as_measured};
pub use error::{Error, Result};
pub use estimate::Estimate;
pub use measurement::{Measured, Measurement, Mode};
pub use noise::Noise;
pub use record::{Key, NetworkId, Record};
pub use sets::SETS;
pub use source::{Measurements, RanOn, Source};
pub use split::{Part, Split};
pub use store::{DataSet, DeviceMeta, FileMeta, Meta, Run, Writer};
pub use summary::{Numbers, SetSummary};
pub use verify::{State, Verified};

/// The front page, whose program is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;
