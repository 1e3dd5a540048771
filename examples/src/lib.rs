//! Thin binaries over the tachograph crates.

pub mod progress;
