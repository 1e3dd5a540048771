//! Live tuning: the programs of a network, measured on this machine.
//!
//! A [`Task`] is a workload, how often it occurs, and its space. [`tune`] divides trials among tasks by the task scheduler of
//! a tuner, asks its strategy for points, has a [`Measurer`](tachograph_program::Measurer) measure them and a [`Journal`] keep
//! what came of each at once. Whatever the journal knows is not measured again, so that a run that was ended goes on where it
//! was, and several tuners that share a journal share their measurements. [`winner()`] says which schedule of those known is
//! taken.

mod elsewhere;
mod journal;
mod near;
mod session;
mod spaces;
mod state;
mod task;
mod winner;

pub use elsewhere::Elsewhere;
pub use journal::{Journal, Known, Like, Memory, Timed};
pub use near::{Family, Near, nearest};
pub use session::{Plan, Trialled, patience_ms, tune};
pub use spaces::{SPACES, SpaceEntry, space, space_named};
pub use task::{Task, untuned};
pub use winner::{TIED, Winner, winner};
