//! Thin binaries over the tachograph crates, and what they share.

mod measured;
mod page;
pub mod progress;

pub use measured::{Measured, Start, selection};
pub use page::{Subject, page};
