//! Computational graphs of neural networks: what runs, on what, and what it costs on paper.
//!
//! A [`Graph`] holds operators as nodes, tensors as edges and hyperparameters as free dimensions or
//! attributes. [`Graph::bind`] assigns the hyperparameters and infers every shape; the resulting
//! [`BoundGraph`] graph knows its FLOPs, memory traffic and parameters. Operator names, attributes and
//! meanings are ONNX's.

mod attr;
mod batch;
mod bind;
mod body;
mod builder;
mod class;
mod cost;
mod counting;
mod detect;
mod device;
pub mod disk;
mod dot;
mod dtype;
mod error;
mod fact;
mod file;
mod floats;
mod fusion;
mod graph;
mod hash;
mod memory;
mod names;
mod nesting;
mod op;
mod ops;
mod outline;
mod quantity;
mod role;
mod space;
mod stand_in;
mod summary;
mod tensor;
mod training;
mod uncounted;
mod units;

pub use attr::{Attr, Attrs, attrs};
pub use batch::BatchAxis;
pub use bind::BoundGraph;
pub use builder::Builder;
pub use class::Class;
pub use cost::Cost;
pub use counting::Fvcore;
pub use device::{Device, DeviceKind};
pub use dtype::DType;
pub use error::{Error, Result};
pub use fact::{Fact, Held};
pub use fusion::{Fusion, FusionGroup, FusionRule};
pub use graph::{Edge, Graph, Node, NodeId, Parts, Phase};
pub use hash::CanonicalHash;
pub use memory::Residency;
pub use names::{Plain, known_are, listed, meant};
pub use op::{Call, OpError, OpType, Operator, Work, registry};
pub use outline::{Free, Outline};
pub use quantity::Quantity;
pub use role::{Role, Saved};
pub use space::{Assignment, ConfigSpace, Domain, Hyperparameter};
pub use stand_in::Fill;
pub use summary::{Summary, SummaryRow};
pub use tensor::{Dim, Shape, Tensor, TensorId, TensorKind, Value, elements};
pub use training::UpdateRule;
pub use uncounted::Uncounted;
pub use units::{Bytes, Joules, Millis};

/// The front page, whose program is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;
