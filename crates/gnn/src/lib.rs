#![doc = include_str!("../README.md")]

mod adjacency;
mod attention;
mod batch;
mod check;
mod compress;
pub mod conv;
mod device;
mod dropout;
mod edges;
mod error;
pub mod fallback;
mod groups;
mod init;
mod layer_edges;
mod linear;
mod native;
pub mod norm;
mod readout;
pub mod segment;
mod union;

pub use adjacency::Adjacency;
pub use attention::{MultiHeadAttention, MultiHeadAttentionConfig, VectorAttention, key_padding, same_segment};
pub use batch::{BatchOptions, GraphBatch, GraphRef};
pub use check::check_finite;
pub use conv::{
    Aggregate, Anee, AneeConfig, AneeGate, EdgeAttention, EdgeAttentionConfig, Gat, GatConfig, GatV2, GatV2Config, Gcn,
    GcnConfig, Gin, GinConfig, GraphConv, GraphConvConfig, ResidualForm, ResidualGcn, ResidualGcnConfig, Sage,
    SageConfig,
};
pub use device::{device, device_name};
pub use dropout::{dropout, relu_dropout};
pub use edges::undirected;
pub use error::{Error, Result};
pub use groups::Groups;
pub use layer_edges::LayerEdges;
pub use linear::Linear;
pub use norm::{
    BatchNorm, BatchNormConfig, GraphNorm, GraphNormConfig, InstanceNorm, InstanceNormConfig, LayerNorm,
    LayerNormConfig, LayerNormMode,
};
pub use readout::{AttentionPool, AttentionPoolConfig, Pool};
