//! Speed beside the reference Python package, in one run.

mod common;

use std::{fs, process::Command, time::Instant};

use common::models;
use tachograph_import::{onnx, open};
use tachograph_ir::Assignment;

/// Loads with `onnx.load` and infers with `infer_shapes`; prints seconds by file. It counts no costs.
const REFERENCE: &str = r#"
import sys, time, onnx
for path in sys.argv[1:]:
    start = time.perf_counter()
    onnx.shape_inference.infer_shapes(onnx.load(path), data_prop=True)
    print(time.perf_counter() - start)
"#;

/// Every twentieth timm file, decompressed: import, inference and cost here, load and inference there, one thread each.
/// `TACHOGRAPH_PYTHON` names a Python with the package `onnx`.
#[test]
#[ignore = "needs Python with onnx, and TACHOGRAPH_MODELS (model files)"]
fn faster_than_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (i, path) in models("timm").iter().step_by(20).enumerate() {
        let plain = folder.path().join(format!("{i}.onnx"));
        fs::write(&plain, open(path).unwrap()).unwrap();
        paths.push(plain);
    }
    let seconds = |path: &std::path::PathBuf| {
        let start = Instant::now();
        let model = onnx::read(open(path).unwrap(), "model").unwrap();
        // Files that contradict themselves refuse to be bound, in no less time.
        let _ = model.graph.bind(&Assignment::new()).and_then(|bound| bound.cost());
        start.elapsed().as_secs_f64()
    };
    let ours: Vec<f64> = paths.iter().map(seconds).collect();
    let python = std::env::var("TACHOGRAPH_PYTHON").unwrap_or_else(|_| "python3".into());
    let output = Command::new(python).args(["-c", REFERENCE]).args(&paths).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let theirs: Vec<f64> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(ours.len(), theirs.len());
    let median = |values: &[f64]| {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        1e3 * sorted[sorted.len() / 2]
    };
    let ratios: Vec<f64> = theirs.iter().zip(&ours).map(|(t, o)| t / o / 1e3).collect();
    let ratio = theirs.iter().sum::<f64>() / ours.iter().sum::<f64>();
    println!(
        "{} files: median {:.2} ms, onnx {:.2} ms; median ratio {:.1}, of the sums {ratio:.1}",
        ours.len(),
        median(&ours),
        median(&theirs),
        median(&ratios),
    );
    assert!(cfg!(debug_assertions) || ratio > 1.5, "{ratio:.1}");
}
