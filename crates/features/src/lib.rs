//! Featurisers and normalisers: from a bound graph to the numbers a predictor reads.
//!
//! A [`Featurizer`] turns a [`BoundGraph`](tachograph_ir::BoundGraph) into a [`FeatureGraph`]. It knows its columns by name
//! (its [`Schema`]) and carries the [`Normalizer`]s fitted on training data, so that a checkpoint that holds it predicts on
//! its own.
//!
//! Which columns there are is up to a [`FeatureSet`], of which [`FeatureSet::all`] lists those there are: those of published
//! predictors as released ([`NNLP`](FeatureSet::NNLP), [`DIPPM`](FeatureSet::DIPPM), [`CELL`](FeatureSet::CELL)) or in
//! their manner, and ours ([`COSTS`](FeatureSet::COSTS), [`LEARNED_ROOFLINE`](FeatureSet::LEARNED_ROOFLINE)). A set is one
//! file below `src/sets`, which says what its columns are, and implements [`Features`].
//!
//! Beside them are what predictors without a network read of a graph: its costs by [`KernelKind`] ([`kind_costs`]), by fused
//! kernel ([`fused_kernels`]), and the graph columns of [`COSTS`](FeatureSet::COSTS) ([`graph_costs`]).

mod attributes;
mod columns;
mod error;
mod featurizer;
mod graph;
mod kernel_kind;
mod kernels;
mod normalizer;
mod schema;
mod set;
mod sets;

pub use columns::Columns;
pub use error::{Error, Result};
pub use featurizer::Featurizer;
pub use graph::FeatureGraph;
pub use kernel_kind::{KernelKind, KindCost, kind_costs};
pub use kernels::kernels as fused_kernels;
pub use normalizer::{Normalizer, Scaling};
pub use schema::Schema;
pub use set::{FeatureSet, Features};
use sets::costs;
pub use sets::costs::{graph_costs, roofline_operations};
