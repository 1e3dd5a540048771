//! Performance predictors, one file each, on [`tachograph_gnn`].
//!
//! A predictor is a [`NetworkConfig`], its settings and what it asks of a batch, and the [`Network`] that it builds for
//! the columns of a feature set and the quantities it shall predict. [`ModelConfig`] is any of them, as a config or a
//! checkpoint names it.
//!
//! # To add a predictor
//!
//! One file and one line:
//!
//! 1. `src/my_model.rs`: `MyModelConfig` with [`NetworkConfig`], and `MyModel` with [`Network`]. `node_gcn.rs` is short and
//!    shows all of it; `learned_roofline.rs` finds its columns by name and has a form of its own for memory.
//! 2. In `src/lib.rs`, in `predictors!`: `my_model: MyModelConfig, MyModel;`.
//!
//! Configs and checkpoints can then name it, and it is under the tests that hold for every predictor
//! (`tests/models/zoo.rs` and `config.rs` go through [`predictors`]): order of nodes, batches, exact compression, gradients,
//! outputs, missing columns, configs. What the network computes is yours to check: released numbers (`golden.rs`) or a
//! second implementation (`dense.rs`).

mod config;
mod error;
mod first_parts;
mod heads;
mod mlp;
mod network;
mod rows;
mod stack;

pub use config::{ModelConfig, RegisteredPredictor};
pub use error::{Error, Result};
pub use kaufman::Reduction;
pub use network::{Kinds, Network, NetworkConfig, Ranking};
pub use rows::JoinAt;

macro_rules! predictors {
    ($($file:ident: $config:ident, $network:ident;)*) => {
        $(mod $file;)*
        $(pub use $file::{$config, $network};)*
        /// Every predictor of this crate.
        pub fn predictors() -> &'static [RegisteredPredictor] {
            static ALL: &[RegisteredPredictor] = &[$(RegisteredPredictor::of::<$config>()),*];
            ALL
        }
    };
}

predictors! {
    brp_nas: BrpNasConfig, BrpNas;
    choice_attention: ChoiceAttentionConfig, ChoiceAttention;
    dippm: DippmConfig, Dippm;
    dnnperf: DnnPerfConfig, DnnPerf;
    gst: GstConfig, Gst;
    gtuner: GtunerConfig, Gtuner;
    kaufman: KaufmanConfig, Kaufman;
    layout_gnn: LayoutGnnConfig, LayoutGnn;
    layout_first: LayoutFirstConfig, LayoutFirst;
    layout_second: LayoutSecondConfig, LayoutSecond;
    layout_resmodel: LayoutResModelConfig, LayoutResModel;
    learned_roofline: LearnedRooflineConfig, LearnedRoofline;
    nnlp: NnlpConfig, Nnlp;
    node_gcn: NodeGcnConfig, NodeGcn;
    operator_sum: OperatorSumConfig, OperatorSum;
    pacm: PacmConfig, Pacm;
    perfsage: PerfSageConfig, PerfSage;
    slapp: SlappConfig, Slapp;
    tenset_mlp: TensetMlpConfig, TensetMlp;
    tile_first: TileFirstConfig, TileFirst;
    tile_gcn: TileGcnConfig, TileGcn;
    tile_mlp: TileMlpConfig, TileMlp;
    tile_sage: TileSageConfig, TileSage;
    tlp: TlpConfig, Tlp;
}
