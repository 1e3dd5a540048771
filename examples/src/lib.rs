//! Thin binaries over the tachograph crates, and what they share.

mod measured;
pub mod progress;

pub use measured::{Measured, selection};
