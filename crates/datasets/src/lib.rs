//! Network generator, measurement records, splits and data sets.
//!
//! [`generate::sample`] makes networks to measure;
//! a [`DataSet`] is a folder that holds graphs and what was measured on them; a [`Writer`] makes one
//! and survives being killed; a [`Split`] divides its networks for training and test.

mod error;
pub mod generate;
mod record;
mod split;
mod store;

pub use error::{Error, Result};
pub use record::{Key, NetworkId, Record};
pub use split::{Part, Split};
pub use store::{DataSet, DeviceMeta, FileMeta, Meta, Run, Writer};
