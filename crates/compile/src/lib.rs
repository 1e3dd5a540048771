//! Whole networks as one shared library.
//!
//! A [`Network`] is what has to be done: groups of operators, each a tensor program in one or several forms. [`ways()`] finds
//! how each may run, by templates and by what was measured; [`chosen`] takes one of each so that kernels and copies between
//! layouts together take least; [`compile`] plans memory, packs weights, writes C, and links. [`Compiled`] runs it.

#![deny(missing_docs)]

mod arena;
mod assemble;
mod assign;
mod bench;
mod build;
mod candidate;
mod compile;
mod copy;
mod elements;
mod error;
mod formula;
mod in_network;
mod layouts;
mod library;
mod made;
mod network;
mod order;
mod plan;
mod pool;
mod relaid;
mod source;
mod tasks;
mod units;
mod ways;
mod wholes;

pub use bench::{Bench, Took};
pub use candidate::{Basis, Candidate};
pub use compile::{Out, compile};
pub use copy::{Copied, Copies};
pub use elements::Weights;
pub use error::{Error, Result};
pub use in_network::in_network;
pub use layouts::{Convolution, LayoutSpace, Layouts};
pub use library::Compiled;
pub use network::{Network, Part, Work};
pub use order::Orders;
pub use plan::{How, Plan, Port, Signature, Step};
pub use relaid::Channels;
pub use tasks::{known, tasks, total_ms};
pub use ways::{Measured, Way, Ways, chosen, ways};
pub use wholes::{Whole, wholes};

/// The front page, whose program is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;
