//! Graph neural network layers on libtorch.
//!
//! Edges are (source, destination) and messages flow from source to destination. A [`GraphBatch`] sorts
//! edges once; layers then aggregate along an [`Adjacency`]. Every layer has a `serde` config, a constructor
//! that adds its parameters to a [`tch::nn::Path`], and a `forward` that returns a `Result`.

mod adjacency;
mod batch;
mod compress;
mod error;
mod hop;
mod linear;
mod native;
pub mod plain;
mod sage;
pub mod segment;
mod union;

pub use adjacency::Adjacency;
pub use batch::{GraphBatch, GraphRef, Structure};
pub use error::{Error, Result};
pub use hop::Hop;
pub use linear::Linear;
pub use sage::{Sage, SageConfig};
