//! Search in spaces of programs: what the published tuners are made of, and a tuner of our own.
//!
//! A [`Domain`] says which points there are, a [`Strategy`] which to measure next, a [`Search`] runs one and measures
//! nothing twice. [`Recorded`] reads tables of measured configurations, which stand for the hardware. Published tuners are
//! rows of [`TUNERS`].

#![deny(missing_docs)]

pub mod bandit;
mod collected;
mod domain;
mod encoding;
mod error;
mod history;
mod importance;
pub mod live;
pub mod models;
mod nn;
mod programs;
mod recorded;
mod search;
mod source;
pub mod strategies;
mod strategy;
pub mod tasks;
mod tuners;

pub use collected::{Collected, CollectedHead, CollectedProgram};
pub use domain::Domain;
pub use encoding::Encoding;
pub use error::{Error, Result};
pub use history::{History, Trial};
pub use importance::{Importance, importance};
pub use programs::Form;
pub use recorded::{Recorded, Table};
pub use search::Search;
pub use source::Source;
pub use strategy::{Situation, Strategy};
pub use tuners::{DEFAULT, Make, TUNERS, Tuner, tuner};

/// The front page, whose program is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;
