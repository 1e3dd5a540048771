//! Published performance predictors, one file each, on [`tachograph_gnn`].

mod error;
mod nnlp;

pub use error::{Error, Result};
pub use nnlp::{Nnlp, NnlpConfig};
