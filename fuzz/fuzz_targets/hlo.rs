//! Modules of XLA, as text and as protobuf.
//!
//! Bound: 16 KiB in, 10 s, 64 MiB.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tachograph_datasets::sets::HloGraph;
use tachograph_fuzz::{MIB, bounded, file};

fuzz_target!(|data: &[u8]| bounded(64 * MIB, || {
    if let Ok(graph) = HloGraph::open(&file("hlo", data)) {
        let nodes = graph.opcodes.len();
        assert_eq!(graph.features.nrows(), nodes);
        assert!(graph.edges.iter().all(|&(from, to)| (from as usize) < nodes && (to as usize) < nodes));
    }
}));
