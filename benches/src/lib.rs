//! What the benches of the tachograph crates measure.

pub mod gnn;
