#![doc = include_str!("../README.md")]

mod adjacency;
mod attention;
mod batch;
mod check;
mod configured;
mod conv;
mod device;
mod dropout;
mod edges;
mod error;
pub mod fallback;
mod groups;
mod init;
mod layer_edges;
mod linear;
pub mod norm;
mod readout;
pub mod segment;
pub mod tagged;

pub use adjacency::Adjacency;
pub use attention::{MultiHeadAttention, MultiHeadAttentionConfig, VectorAttention, key_padding, same_segment};
pub use batch::GraphBatch;
pub use check::check_finite;
pub use configured::{Configured, ConfiguredGraph, Join, Segment};
pub use conv::*;
pub use device::{device, device_name};
pub use dropout::{dropout, relu_dropout};
pub use edges::undirected;
pub use error::{Error, Result, torch};
pub use groups::Groups;
pub use layer_edges::LayerEdges;
pub use linear::Linear;
pub use norm::{
    BatchNorm, BatchNormConfig, GraphNorm, GraphNormConfig, InstanceNorm, InstanceNormConfig, LayerNorm,
    LayerNormConfig, LayerNormMode,
};
pub use readout::{AttentionPool, AttentionPoolConfig, Pool};
pub use tachograph_batch::{BatchOptions, GraphRef};
