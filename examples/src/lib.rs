//! Thin binaries over the tachograph crates.
