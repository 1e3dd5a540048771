//! Runs a bound [`tachograph_ir`] graph on libtorch, CPU or CUDA through the same code, and measures it:
//! whole, per operator, in memory, and on NVIDIA GPUs in energy.
//!
//! Weights and inputs are deterministic stand-ins (see [`Fill`]): the time of an inference does not
//! depend on what a network has learned.

mod collect;
mod energy;
mod environment;
mod error;
mod executor;
mod measure;
mod memory;
mod ops;

pub use collect::{Collected, Collection, Collector, PROTOCOL, quick_look};
pub use environment::Environment;
pub use error::{Error, Result};
pub use executor::{Executor, refusals};
pub use measure::{OperatorTime, Profile, Protocol, Session, measure, operators};
pub use tachograph_ir::Fill;

/// The front page, whose program is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;
pub use tachograph_gnn::device;
