//! Tables of one's own measurements, compressed with gzip or not.
//!
//! Bound: 16 KiB in, 10 s, 64 MiB.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tachograph_datasets::{CsvSet, Source};
use tachograph_fuzz::{MIB, bounded, file};

fuzz_target!(|data: &[u8]| bounded(64 * MIB, || {
    let Ok(set) = CsvSet::open(&file("csv", data)) else { return };
    for sample in set.samples().into_iter().flatten().flatten() {
        assert!(sample.time > 0.0 && sample.time.is_finite() && sample.batch > 0);
    }
}));
