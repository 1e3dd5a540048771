//! Criterion benches of the tachograph crates.
