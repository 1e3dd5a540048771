//! `compile`: from a model file to a library that runs.

use std::{path::Path, process::Command};

use tachograph_compile::Compiled;

use crate::{Ran, image, run_in, write_model};

fn compile(folder: &Path, more: &[&str]) -> Ran {
    run_in(folder, &[&["compile", "m.onnx", "--bind", "batch=1", "--store", "s.sqlite", "--out", "out"], more].concat())
}

#[test]
fn a_model_becomes_a_library() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder, "m.onnx", image("batch", 12), 4);
    let ran = compile(folder, &[]).well();
    assert!(ran.out.contains("a run takes") && ran.err.contains("numbers that look random"), "{}{}", ran.out, ran.err);
    for name in ["network.so", "tachograph.h", "network.py", "plan.json", "plan.html"] {
        assert!(folder.join("out").join(name).exists(), "{name}");
    }
    let mut network = Compiled::open(&folder.join("out/network.so")).unwrap();
    let ports = &network.signature().inputs;
    let input = vec![0.5f32; ports[0].bytes() / 4];
    let outputs = network.run(&[input.as_slice()]).unwrap();
    assert!(outputs[0].iter().all(|x| x.is_finite()) && outputs[0].iter().any(|x| *x != 0.0));
    assert!(network.run(&[&input[1..]]).unwrap_err().to_string().contains("takes inputs of"));
}

#[test]
fn what_was_tuned_is_taken_and_not_measured_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder, "m.onnx", image("batch", 12), 4);
    let ran = compile(folder, &["--trials", "40", "--json"]).well();
    assert!(ran.err.contains("of 40 trials") && !ran.err.contains("41 of"), "{}", ran.err);
    let first = ran.json().remove(0);
    // Whichever of the two was faster.
    assert!(first["ms"].as_f64() > Some(0.0) && first["ms"].as_f64() <= first["default_ms"].as_f64(), "{first}");
    // What is best by each way of predicting is run as a whole.
    let plans = first["plans"].as_array().unwrap();
    assert!(!plans.is_empty() && plans.iter().all(|plan| plan["ms"].as_f64() > Some(0.0)), "{first}");
    // What is known is taken, and raced, without measuring a kernel again.
    let again = compile(folder, &["--json"]).well();
    assert!(!again.err.contains("trials"), "{}", again.err);
    assert_eq!(again.json()[0]["plans"].as_array().map(Vec::len), Some(0));
    assert!(again.json()[0]["default_ms"].as_f64() > Some(0.0), "{}", again.out);
}

#[test]
fn batch_and_threads_are_chosen_by_running() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder, "m.onnx", image("batch", 12), 4);
    let over = |more: &[&str]| run_in(folder, &[&["compile", "m.onnx", "--no-store", "--out", "out"], more].concat());
    let said = over(&["--over", "batch=1,4", "--threads", "auto", "--json"]).well().json().remove(0);
    let tried = said["tried"].as_array().unwrap();
    let threads = std::thread::available_parallelism().unwrap().get();
    assert!(tried.len() >= 2 * threads.min(2) && !folder.join("out/tried-0").exists(), "{said}");
    let rate = |tried: &serde_json::Value| tried["per_second"].as_f64().unwrap();
    let best = tried.iter().max_by(|a, b| rate(a).total_cmp(&rate(b))).unwrap();
    assert_eq!(said["plan"]["threads"], best["threads"], "{said}");
    assert_eq!(said["plan"]["signature"]["inputs"][0]["shape"][0], best["value"], "{said}");
    // What is too large is left out.
    let least = tried.iter().map(|tried| tried["gb"].as_f64().unwrap()).fold(f64::INFINITY, f64::min);
    let small = over(&["--over", "batch=1,64", "--memory-gb", &(1.01 * least).to_string()]).well();
    assert!(small.out.contains("batch=64") && small.out.contains("a run takes"), "{}", small.out);
    let plan = std::fs::read_to_string(folder.join("out/plan.json")).unwrap();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["signature"]["inputs"][0]["shape"][0], 1);
    let none = over(&["--over", "batch=1,2", "--time-ms", "0.0000001"]);
    assert!(none.failed().contains("within the limits") && none.err.contains("batch=2"), "{}", none.err);
    assert_eq!(over(&["--threads", "0"]).code, 2);
    let twice = over(&["--over", "batch=1,2", "--bind", "batch=1"]);
    assert_eq!(twice.code, 2, "{}", twice.err);
}

#[test]
fn the_header_is_c() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder, "m.onnx", image("batch", 12), 4);
    compile(folder, &[]).well();
    let program = "#include <stdio.h>\n#include \"tachograph.h\"\nint main(void) { puts(tachograph_signature()); void *a = tachograph_open(); tachograph_close(a); return a == 0; }\n";
    std::fs::write(folder.join("main.c"), program).unwrap();
    let args = ["main.c", "-Iout", "out/network.so", "-Wl,-rpath,$ORIGIN/out", "-o", "main"];
    assert!(Command::new("cc").args(args).current_dir(folder).status().unwrap().success());
    let said = Command::new(folder.join("main")).output().unwrap();
    assert!(said.status.success() && String::from_utf8_lossy(&said.stdout).contains("\"inputs\""));
}

#[test]
fn bad_wishes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder, "m.onnx", image("batch", 12), 4);
    assert!(compile(folder, &["--device", "gpu"]).failed().contains("--device gpu"));
    assert!(compile(folder, &["--tuner", "nobody"]).failed().contains("nobody"));
    let out = compile(folder, &["--budget", "soon"]);
    assert_eq!(out.code, 2, "{}", out.err);
}
