//! Tuning records of TpuGraphs, whole and as archives.
//!
//! Bound: 16 KiB in, 10 s, 64 MiB.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tachograph_datasets::sets::{Archive, RawModule};
use tachograph_fuzz::{MIB, bounded, file};

fuzz_target!(|data: &[u8]| bounded(64 * MIB, || {
    let path = file("records.pb", data);
    for module in RawModule::read(&path).unwrap_or_default() {
        let instructions = module.instructions.len();
        assert!(module.edges.iter().all(|&(from, to)| from < instructions && to < instructions));
    }
    // Each opens the file: a thousand modules would take their time.
    for module in Archive::within(&path).unwrap_or_default().iter().take(4) {
        let Ok(mut archive) = Archive::open(module) else { continue };
        let features = archive.node_features().expect("what could be opened has nodes");
        assert_eq!(features.nrows(), archive.nodes());
        assert_eq!(archive.edge_list().expect("and edges").len(), archive.edges());
        let _ = archive.each_configuration(|_, _| true);
    }
}));
