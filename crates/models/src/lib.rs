//! Performance predictors, one file each, on [`tachograph_gnn`].

mod additive;
mod error;
mod model;
mod nnlp;

pub use additive::{Additive, AdditiveConfig};
pub use error::{Error, Result};
pub use model::{Model, ModelConfig};
pub use nnlp::{Nnlp, NnlpConfig};
