//! Graphs in the binary form: the bytes as they are, and as a payload with the header that belongs to it.
//!
//! Bound: 16 KiB in, 10 s, 64 MiB.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tachograph_fuzz::{MIB, bounded, exercise};
use tachograph_ir::Graph;

fuzz_target!(|data: &[u8]| bounded(64 * MIB, || {
    let payload = data.strip_prefix(b"TGIR").and_then(|rest| rest.get(14..)).unwrap_or(data);
    let mut whole = b"TGIR\x01\x00".to_vec();
    whole.extend((payload.len() as u64).to_le_bytes());
    whole.extend(crc32fast::hash(payload).to_le_bytes());
    whole.extend(payload);
    for bytes in [data, &whole] {
        if let Ok(graph) = Graph::from_bytes(bytes) {
            exercise(&graph);
        }
    }
}));
