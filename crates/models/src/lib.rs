//! Performance predictors, one file each, on [`tachograph_gnn`].
//!
//! A model has *outputs*: quantities (latency, memory, energy) on devices. Each output has a head of its own, on an
//! embedding that all share and that [`Model::forward`] computes once.

mod brp_nas;
mod dippm;
mod dnnperf;
mod error;
mod heads;
mod learned_roofline;
mod mlp;
mod model;
mod nnlp;
mod node_gcn;
mod operator_sum;
mod perfsage;
mod slapp;

pub use brp_nas::{BrpNas, BrpNasConfig};
pub use dippm::{Dippm, DippmConfig, SCALES};
pub use dnnperf::{DnnPerf, DnnPerfConfig};
pub use error::{Error, Result};
pub use learned_roofline::{LearnedRoofline, LearnedRooflineConfig};
pub use model::{Model, ModelConfig, Widths};
pub use nnlp::{Nnlp, NnlpConfig};
pub use node_gcn::{NodeGcn, NodeGcnConfig};
pub use operator_sum::{OperatorSum, OperatorSumConfig};
pub use perfsage::{PerfSage, PerfSageConfig};
pub use slapp::{Slapp, SlappConfig};
