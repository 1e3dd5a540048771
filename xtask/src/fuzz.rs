//! The fuzz targets, one after the other.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::root;
use crate::tools::run;

/// Longest input, in bytes, of each target. `docs/fuzzing.md` has the other bounds.
const TARGETS: [(&str, u32); 12] = [
    ("onnx", 16_384),
    ("tflite", 16_384),
    ("ncnn", 16_384),
    ("nas", 256),
    ("graph_json", 16_384),
    ("graph_binary", 16_384),
    ("npz", 16_384),
    ("pb", 16_384),
    ("hlo", 16_384),
    ("csv", 16_384),
    ("schedule", 16_384),
    ("record", 16_384),
];

/// `cargo xtask fuzz`.
pub fn fuzz(only: Option<&str>, seconds: u32) -> Result<()> {
    let targets: Vec<_> = TARGETS.into_iter().filter(|(target, _)| only.is_none_or(|only| only == *target)).collect();
    ensure!(!targets.is_empty(), "no such target: it is one of {:?}", TARGETS.map(|(target, _)| target));
    for (target, max_len) in targets {
        let corpus = format!("fuzz/corpus/{target}");
        std::fs::create_dir_all(root()?.join(&corpus))?;
        let seeds = format!("fuzz/seeds/{target}");
        let bounds = [format!("-max_len={max_len}"), format!("-max_total_time={seconds}")];
        let start = ["run", "nightly", "cargo", "fuzz", "run", "--sanitizer", "none", target, &corpus, &seeds, "--"];
        let limits = ["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"];
        let args = start.into_iter().chain(limits).chain(bounds.iter().map(String::as_str));
        run(Command::new("rustup").args(args).current_dir(root()?))?;
    }
    Ok(())
}
