//! Raw records of TpuGraphs.
//!
//! Bound: 16 KiB in, 10 s, 64 MiB.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tachograph_datasets::sets::RawModule;
use tachograph_fuzz::{MIB, bounded, file};

fuzz_target!(|data: &[u8]| bounded(64 * MIB, || {
    for module in RawModule::read(&file("pb", data)).unwrap_or_default() {
        let instructions = module.instructions.len();
        assert!(module.edges.iter().all(|&(from, to)| from < instructions && to < instructions));
    }
}));
