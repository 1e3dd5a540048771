//! Records of measurements as JSON.
//!
//! Bound: 16 KiB in, 10 s, 64 MiB.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tachograph_fuzz::{MIB, bounded, programs};
use tachograph_program::Record;

fuzz_target!(|text: &str| bounded(64 * MIB, || {
    let Ok(record) = Record::from_json(text) else { return };
    let _ = record.outcome.nanoseconds();
    let written = programs::json(&record);
    let again = Record::from_json(&written).expect("a written record can be read");
    // By their text: a number that is none equals nothing.
    assert!(written == programs::json(&again), "a record changes when it is read");
}));
