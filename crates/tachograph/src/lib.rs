#![doc = include_str!("../README.md")]

pub use tachograph_datasets as datasets;
pub use tachograph_features as features;
pub use tachograph_import as import;
pub use tachograph_ir as ir;
pub use tachograph_metrics as metrics;
pub use tachograph_networks as networks;
pub use tachograph_predict as predict;
pub use tachograph_report as report;
pub use tachograph_transfer as transfer;
#[cfg(feature = "torch")]
pub use {
    tachograph_gnn as gnn, tachograph_models as models, tachograph_profile as profile, tachograph_train as train,
};

/// The front page of the workspace, whose program is tested too.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Workspace;
