//! ncnn's parameter text.
//!
//! Bound: 16 KiB in, 10 s, 64 MiB.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tachograph_fuzz::{MIB, bounded, exercise};

fuzz_target!(|data: &[u8]| bounded(64 * MIB, || {
    if let Ok(model) = tachograph_import::ncnn::read(&Bytes::copy_from_slice(data), "file") {
        exercise(&model.graph);
    }
}));
