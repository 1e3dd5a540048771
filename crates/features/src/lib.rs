//! Featurisers and normalisers: from a bound graph to the numbers a predictor reads.
//!
//! A [`Featurizer`] turns a [`BoundGraph`](tachograph_ir::BoundGraph) graph into a [`FeatureGraph`]. It knows its
//! columns by name (its [`Schema`]) and carries the [`Normalizer`]s fitted on training data, so that a
//! checkpoint that holds it predicts on its own. [`FeatureSet`] lists the featurisers:
//!
//! - [`FeatureSet::Nnlp`]: the 44 node features and 4 graph features of NNLP as released, quirks included;
//!   see [`nnlp`] for the columns.
//! - [`FeatureSet::Costs`]: logarithmic extents and costs of every node, and costs of the graph by operator
//!   class; operators are those of the training data. See [`costs`] for the columns.
//! - [`dippm`], [`dnnperf`], [`slapp`], [`perfsage`] and [`brp_nas`]: those of the predictors of these names.
//! - [`learned_roofline`]: those of our own model, for one image, with the neighbours of every operator.
//!
//! [`baseline`] holds the predictors that a network must beat, [`transfer`] a predictor for a new device from a
//! handful of measurements, [`operator_model`] one of single operators on GPUs that were never measured.

mod attributes;
pub mod baseline;
pub mod brp_nas;
pub mod costs;
pub mod dippm;
pub mod dnnperf;
mod error;
mod featurizer;
mod graph;
mod kernel_kind;
mod kernels;
pub mod learned_roofline;
pub mod nnlp;
pub mod nnlp_flops;
mod normalizer;
#[cfg(feature = "gbdt")]
pub mod operator_model;
pub mod perfsage;
mod schema;
pub mod slapp;
pub mod transfer;

pub use error::{Error, Result};
pub use featurizer::{FeatureSet, Featurizer};
pub use graph::FeatureGraph;
pub use kernel_kind::{KernelKind, KindCost, kind_costs};
pub use normalizer::Normalizer;
pub use schema::Schema;
