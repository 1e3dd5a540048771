//! Graphs as JSON.
//!
//! Bound: 16 KiB in, 10 s, 64 MiB.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tachograph_fuzz::{MIB, bounded, exercise};
use tachograph_ir::Graph;

fuzz_target!(|text: &str| bounded(64 * MIB, || {
    if let Ok(graph) = Graph::from_json(text) {
        exercise(&graph);
    }
}));
