//! Archives of TpuGraphs: bytes that start as a zip file does are the archive; all else is cut at each `\x93NUMPY` into
//! the arrays of one, so that no checksum is in the way.
//!
//! Bound: 16 KiB in, 10 s, 256 MiB (deflate gives at most 1032 bytes for one, and every element becomes 8 bytes).

#![no_main]

use std::io::{Cursor, Write};

use libfuzzer_sys::fuzz_target;
use tachograph_datasets::{Result, sets::Archive};
use tachograph_fuzz::{MIB, bounded, file};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

const MAGIC: &[u8] = b"\x93NUMPY";
const NAMES: [&str; 8] = [
    "node_opcode",
    "edge_index",
    "config_runtime",
    "node_feat",
    "node_config_ids",
    "node_config_feat",
    "config_feat",
    "config_runtime_normalizers",
];

fuzz_target!(|data: &[u8]| bounded(256 * MIB, || {
    let path = if data.starts_with(b"PK") { file("npz", data) } else { file("npz", &archive(data)) };
    let _ = read(&path);
}));

/// The arrays; the byte before each is its place in `NAMES`.
fn archive(data: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let starts: Vec<usize> = data.windows(MAGIC.len()).enumerate().filter(|(_, w)| *w == MAGIC).map(|w| w.0).collect();
    let mut seen = Vec::new();
    for (i, &start) in starts.iter().enumerate() {
        let end = starts.get(i + 1).map_or(data.len(), |&next| next - 1);
        let name = start.checked_sub(1).map_or(0, |at| usize::from(data[at])) % NAMES.len();
        if !seen.contains(&name) {
            seen.push(name);
            zip.start_file(format!("{}.npy", NAMES[name]), options).expect("a new entry");
            zip.write_all(&data[start..end]).expect("memory can be written");
        }
    }
    zip.finish().expect("memory can be written").into_inner()
}

fn read(path: &std::path::Path) -> Result<()> {
    let mut archive = Archive::open(path)?;
    archive.opcodes().ok();
    archive.node_features().ok();
    if let Ok(edges) = archive.edge_list() {
        assert_eq!(edges.len(), archive.edges());
    }
    archive.configurable().ok();
    archive.run_times().ok();
    archive.normalizers().ok();
    archive.each_configuration(|_, _| true)
}
