//! Tables of one's own measurements, compressed with gzip or not.
//!
//! Bound: 16 KiB in, 10 s, 64 MiB.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tachograph_datasets::{CsvSet, Source};
use tachograph_fuzz::{MIB, bounded, file};

fuzz_target!(|data: &[u8]| bounded(64 * MIB, || {
    let Ok(set) = CsvSet::open(&file("csv", data)) else { return };
    for measurement in set.measurements().into_iter().flatten().flatten() {
        let number = measurement.value.number();
        assert!(number >= 0.0 && number.is_finite() && measurement.batch() > 0);
    }
}));
