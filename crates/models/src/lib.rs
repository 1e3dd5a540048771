//! Performance predictors, one file each, on [`tachograph_gnn`].
//!
//! A model has *outputs*: quantities (latency, memory, energy) on devices. Each output has a head of its own, on an
//! embedding that all share and that [`Model::forward`] computes once.

mod additive;
mod error;
mod heads;
mod model;
mod nnlp;
mod tachograph;

pub use additive::{Additive, AdditiveConfig};
pub use error::{Error, Result};
pub use model::{Model, ModelConfig};
pub use nnlp::{Nnlp, NnlpConfig};
pub use tachograph::{Tachograph, TachographConfig};
