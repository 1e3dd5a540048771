//! Schedules: how a workload is computed, as a list of steps that are taken one after the other.
//!
//! A [`Schedule`] knows stages and loops by name, so it replays on another shape of the same operator. [`State`] is
//! what the steps have made of a workload so far.

mod among;
mod bind;
mod layout;
mod loops;
mod prefetch;
mod rewrite;
mod state;
mod step;
mod tensorize;

pub use among::Among;
pub(crate) use bind::MAX_THREADS;
pub use bind::{Binding, Dim};
pub use layout::{Layout, LayoutDim};
pub use loops::{Kind, LoopNode, Loops, Mark, Place, Relation};
pub use prefetch::Prefetch;
pub use state::{Scope, State};
pub use step::{Schedule, Step};
