#![doc = include_str!("../README.md")]
//!
//! [`label`] takes a folder of files and a [`Method`] and makes a data set
//! ([`DataSet`](tachograph_datasets::DataSet)); killed, it goes on where it stopped.

mod environment;
mod error;
mod files;
mod folder;
mod litert;
mod method;
mod refusals;
pub mod vela;
mod worker;

use std::time::Duration;

pub use environment::Environment;
pub use error::{Error, Result};
pub use folder::{Labelled, Outcome, label};
pub use litert::{LITERT, LiteRt};
pub use method::Method;
pub use refusals::{Refusal, refusals};
pub use vela::{VELA, Vela};

/// What one file may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest time.
    pub time: Duration,
    /// Most memory of the tool's process, in bytes; 0 sets no limit.
    pub memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(120), memory: 8 << 30 }
    }
}
