//! The database of what was measured: graphs, devices, measurements, tuning records, jobs and checkpoints, in a file
//! (SQLite) or on a server (PostgreSQL).
//!
//! A [`Store`] is asked before anything is measured or predicted: [`Store::query`] answers with a measurement, or with what
//! lies between measurements at other batches. What it cannot answer becomes a job ([`Store::submit`]) that a [`Worker`] on
//! the right device takes, measures and ends. This is the *query* and the *evolving database* of NNLQP (Liu et al., ICPP
//! 2022).

mod answer;
mod checkpoints;
mod devices;
mod error;
mod fault;
mod folders;
mod graphs;
mod interpolate;
mod jobs;
mod lines;
mod link;
mod location;
mod measurements;
mod moment;
mod neighbour;
mod network;
mod pool;
mod reading;
mod roles;
mod schema;
mod stats;
mod store;
mod tuning;
mod worker;

pub use answer::{Answer, Between, Found, Question};
pub use checkpoints::{Checkpoint, Contents, Fingerprint, NewCheckpoint, Standing};
pub use devices::KnownDevice;
pub use error::{Error, Result};
pub use jobs::{Busy, Claim, Job, JobFilter, JobId, Lease, Queue, State, Submission};
pub use location::{LOCATION, Location};
pub use measurements::{Added, Filter};
pub use moment::Moment;
pub use neighbour::Neighbour;
pub use network::{GraphKey, Network};
pub use reading::{Reading, Setup};
pub use roles::ROLES;
pub use stats::{Stats, Verdict};
pub use store::{Options, Store};
pub use tuning::{Tuned, TuningRecord};
pub use worker::{ChildRunner, Failure, Held, Outcome, Report, Runner, Sheet, Worker};

/// The front page, whose programs are tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;
