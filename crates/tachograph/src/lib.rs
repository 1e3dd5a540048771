//! Predict how fast a neural network runs, from its computational graph, before anyone runs it.
//!
//! This crate re-exports the others; each can be used alone.
//!
//! | module | crate | what |
//! |---|---|---|
//! | [`ir`] | `tachograph-ir` | graphs, binding, shapes, costs, devices |
//! | [`import`] | `tachograph-import` | model files to graphs and back |
//! | [`features`] | `tachograph-features` | featurisers |
//! | [`transfer`] | `tachograph-transfer` | baselines, and prediction for devices measured a few times or never |
//! | [`metrics`] | `tachograph-metrics` | regression and ranking metrics |
//! | [`networks`] | `tachograph-networks` | random networks of thirteen families |
//! | [`datasets`] | `tachograph-datasets` | measurements, splits, published sets |
//! | [`report`] | `tachograph-report` | a prediction as one self-contained HTML page |
//! | `gnn` | `tachograph-gnn` | graph layers on libtorch |
//! | `models` | `tachograph-models` | predictors |
//! | `train` | `tachograph-train` | training, checkpoints, prediction |
//! | `profile` | `tachograph-profile` | runs a graph on libtorch and measures it |
//!
//! The last four need libtorch and are behind the feature `torch`, which is on by default.

pub use tachograph_datasets as datasets;
pub use tachograph_features as features;
pub use tachograph_import as import;
pub use tachograph_ir as ir;
pub use tachograph_metrics as metrics;
pub use tachograph_networks as networks;
pub use tachograph_report as report;
pub use tachograph_transfer as transfer;
#[cfg(feature = "torch")]
pub use {
    tachograph_gnn as gnn, tachograph_models as models, tachograph_profile as profile, tachograph_train as train,
};

#[cfg(all(doctest, feature = "torch"))]
#[doc = include_str!("../README.md")]
struct Readme;
