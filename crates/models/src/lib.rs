//! Performance predictors, one file each, on [`tachograph_gnn`]. To add one: write the file, add one line to
//! `predictors!`.
//!
//! A predictor is a [`NetworkConfig`], its settings and what it asks of a batch, and the [`Network`] that it builds.
//! [`ModelConfig`] is any of them, as a config or a checkpoint names it.

mod config;
mod error;
mod heads;
mod mlp;
mod network;

pub use config::{ModelConfig, Registered};
pub use error::{Error, Result};
pub use network::{Network, NetworkConfig};

macro_rules! predictors {
    ($($file:ident: $config:ident, $network:ident;)*) => {
        $(mod $file;)*
        $(pub use $file::{$config, $network};)*
        /// Every predictor of this crate.
        pub fn predictors() -> &'static [Registered] {
            static ALL: &[Registered] = &[$(Registered::of::<$config>()),*];
            ALL
        }
    };
}

predictors! {
    brp_nas: BrpNasConfig, BrpNas;
    dippm: DippmConfig, Dippm;
    dnnperf: DnnPerfConfig, DnnPerf;
    learned_roofline: LearnedRooflineConfig, LearnedRoofline;
    nnlp: NnlpConfig, Nnlp;
    node_gcn: NodeGcnConfig, NodeGcn;
    operator_sum: OperatorSumConfig, OperatorSum;
    perfsage: PerfSageConfig, PerfSage;
    slapp: SlappConfig, Slapp;
}
