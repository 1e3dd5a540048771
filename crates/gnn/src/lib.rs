//! Graph neural network layers on libtorch.
//!
//! Edges are (source, destination) and messages flow from source to destination. A [`GraphBatch`] sorts
//! edges once; layers then aggregate by sparse products. Every layer has a `serde` config, a constructor
//! that adds its parameters to a [`tch::nn::Path`], and a `forward` that returns a `Result`.

mod batch;
mod compress;
mod error;
mod linear;
mod sage;
mod sparse;

pub use batch::{GraphBatch, GraphRef, Hop};
pub use error::{Error, Result};
pub use linear::Linear;
pub use sage::{Sage, SageConfig};
pub use sparse::Csr;
