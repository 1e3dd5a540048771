//! Batches of graphs on the host, before any of them reaches a device: what libtorch's layers
//! ([`tachograph-gnn`](https://docs.rs/tachograph-gnn)) and the plain forward passes of
//! [`tachograph-predict`](https://docs.rs/tachograph-predict) share.
//!
//! [`Union`] puts graphs side by side, with edges sorted by destination. [`Colours`] finds the nodes that a
//! message-passing network of so many layers cannot tell apart, whatever its weights, so that each is computed once.
//!
//! ```
//! use tachograph_batch::{Colours, GraphRef, Union};
//! // Two chains 0 → 1 → 2 of equal nodes: six nodes, but only three kinds of node after two layers.
//! let chain = GraphRef { nodes: &[1.0, 1.0, 1.0], width: 1, edges: &[(0, 1), (1, 2)], ..GraphRef::default() };
//! let graphs = [chain, chain];
//! let union = Union::new(&graphs, false, false)?;
//! let colours = Colours::new(&union, &union.rows(), 2, false);
//! let classes: Vec<usize> = colours.rounds.iter().map(|round| round.representatives.len()).collect();
//! assert_eq!(classes, [1, 2, 3]);
//! # Ok::<(), tachograph_batch::GraphError>(())
//! ```

mod colours;
mod graph;
mod union;

pub use colours::{Colours, Round};
pub use graph::{BatchOptions, Edges, GraphError, GraphRef, offsets};
pub use union::{Lists, Union};
