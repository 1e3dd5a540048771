//! The tables of this project's own measurements, as far as they take no training.

use crate::{
    documented::{assert_documented, rows},
    reproduce::PROGRAM,
    run,
};

#[test]
fn baselines_of_the_cpu_are_as_documented() {
    let out = run(PROGRAM, ["own-cpu", "--only", "FLOPs line", "--only", "roofline", "--only", "resident line"]).good();
    // Latency, memory and steady latencies, at random and by family; the documents leave the last kind out.
    let all = rows(&out, "FLOPs line");
    assert_eq!(all.len(), 6, "{out}");
    assert_eq!(rows(&out, "resident line").len(), 2, "{out}");
    assert_documented(&out, "resident line", 1);
    let latency: String = out.split("\n### ").filter(|table| !table.contains("steady")).collect();
    assert_documented(&latency, "FLOPs line", 1);
    assert_documented(&latency, "roofline", 1);
    assert!(out.contains("fold 1: 14681952e3cdc615"), "the split of the documents: {out}");
}

#[test]
fn baselines_of_the_gpu_are_as_documented() {
    let out = run(PROGRAM, ["own-gpu", "--only", "log-linear"]).good();
    assert_eq!(rows(&out, "log-linear").len(), 8, "latency, memory, energy and steady latencies: {out}");
    assert_documented(&out, "log-linear", 1);
}

#[test]
fn baselines_of_the_edge_are_as_documented() {
    let out = run(PROGRAM, ["edge", "--only", "FLOPs line"]).good();
    let random: String = out.split("\n### ").filter(|table| table.contains("all spaces, random")).collect();
    let found = rows(&random, "FLOPs line");
    // Two quantities on three configurations.
    assert_eq!(found.len(), 6, "{out}");
    // The documents have the error alone, one column a predictor.
    let documented = std::fs::read_to_string(crate::at("docs/results.md")).unwrap();
    for row in found {
        assert!(documented.contains(&format!("| {} |", row[1])), "docs/results.md has no {}", row[1]);
    }
}
