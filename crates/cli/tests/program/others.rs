//! `data`, `devices`, `doctor` and `completions`.

use std::path::Path;

use crate::{models, run, run_in};

#[test]
fn a_set_measured_by_this_project() {
    let set = models().join("../gpu-again");
    let ran = run(&["data", set.to_str().unwrap(), "--devices"]).well();
    assert!(ran.out.contains("194 measurements: 65 networks of 13 families on 1 device"), "{}", ran.out);
    let line = run(&["data", set.to_str().unwrap(), "--json"]).well().json().remove(0);
    assert_eq!((line["measurements"].as_u64(), line["unit"].as_str()), (Some(194), Some("ms")));
    assert_eq!(line["devices"].as_object().map(|devices| devices.len()), Some(1));
    for quantity in ["65 values in ms", "values in MB"] {
        assert!(ran.out.lines().any(|line| line.ends_with(quantity)), "{quantity}: {}", ran.out);
    }
}

#[test]
fn tables_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let table = "file,device,latency_ms\na.onnx,d,2\na.onnx,d,3\nb.onnx,e,4\n";
    std::fs::write(folder.path().join("mine.csv"), table).unwrap();
    let line = run_in(folder.path(), &["data", "mine.csv", "--json"]).well().json().remove(0);
    assert_eq!((line["measurements"].as_u64(), line["noise"]["pairs"].as_u64()), (Some(3), Some(1)));
    std::fs::write(folder.path().join("bad.csv"), "file,latency_ms\na.onnx,2\n").unwrap();
    let ran = run_in(folder.path(), &["data", "bad.csv", "mine.csv"]);
    assert!(ran.failed().contains("bad.csv:1: no column `device`"), "{}", ran.err);
    assert!(ran.out.contains("3 measurements"), "{}", ran.out);
    let ran = run_in(folder.path(), &["data", "nosuch"]);
    assert!(ran.failed().contains("data set `nosuch`"), "{}", ran.err);
    std::fs::write(folder.path().join("mine.xlsx"), "PK").unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    assert!(run_in(folder.path(), &["data", "mine.xlsx"]).failed().contains("ends in .csv or .tsv"));
    assert!(run_in(folder.path(), &["data", "empty"]).failed().contains("empty: is a folder without meta.json"));
    std::fs::write(folder.path().join("mine.tsv"), "file\tdevice \t latency_ms\na.onnx\td\t2\n").unwrap();
    assert!(
        run_in(folder.path(), &["data", "mine.tsv"])
            .well()
            .out
            .contains("1 measurement: 1 network of 1 family on 1 device")
    );
}

#[test]
fn published_sets_that_are_not_here_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    let ran = run(&["data", "--root", root]).well();
    assert!(ran.out.lines().any(|line| line.starts_with("timm ") && line.contains("not there")), "{}", ran.out);
    let lines = run(&["data", "--root", root, "--json"]).well().json();
    assert!(lines.len() > 5 && lines.iter().all(|line| line["missing"].is_string()), "{lines:?}");
    let ran = run(&["data"]).well();
    assert!(ran.out.lines().any(|line| line.starts_with("timm ") && line.contains("huggingface")), "{}", ran.out);
    assert!(ran.err.contains("TACHOGRAPH_DATA"), "{}", ran.err);
}

#[test]
fn devices_with_what_is_predicted_for_them() {
    let lines = run(&["devices", "--json"]).well().json();
    let device = |name: &str| lines.iter().find(|line| line["device"] == name).unwrap();
    assert_eq!(device("h100-sxm")["predicts"], serde_json::json!(["latency", "memory", "energy"]));
    let file = |name: &str| lines.iter().find(|line| line["device_file"] == name).unwrap();
    assert_eq!(
        (file("rtx-4090")["predicted"].as_bool(), file("h200")["predicted"].as_bool()),
        (Some(true), Some(false))
    );
    assert!(file("h200")["bandwidth_bytes_per_s"].as_f64().is_some_and(|b| b > 4e12));
    let text = run(&["devices"]).well().out;
    assert!(text.contains("rtx-4090") && text.contains("xeon-spr-1t"), "{text}");
}

#[test]
fn doctor_knows_the_checkpoints_and_the_build() {
    let line = run(&["doctor", "--json"]).well().json().remove(0);
    assert_eq!(line["libtorch"].as_bool(), Some(cfg!(feature = "torch")));
    let findings = line["findings"].as_array().unwrap();
    assert!(findings.iter().filter(|f| f["thing"] == "checkpoint").count() >= 3, "{findings:?}");
    let text = run(&["doctor"]).well().out;
    let libtorch = if cfg!(feature = "torch") { "ok      libtorch" } else { "absent  libtorch" };
    assert!(text.lines().any(|line| line.starts_with(libtorch)), "{text}");
    assert!(text.contains("cpu, 1 output, "), "{text}");
    assert!(findings.iter().any(|f| f["thing"] == "libtorch" && f["ok"].is_null() != cfg!(feature = "torch")));
}

/// The program finds its checkpoints wherever it lies.
#[test]
fn a_copy_elsewhere_predicts() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("renamed");
    std::fs::copy(env!("CARGO_BIN_EXE_tachograph"), &program).unwrap();
    let out = std::process::Command::new(&program)
        .args(["predict", "--json"])
        .arg(models().canonicalize().unwrap().join(crate::RESNET))
        .current_dir(Path::new("/"))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn completions_know_the_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        let text = run(&["completions", shell]).well().out;
        assert!(text.contains("transfer") && text.contains("inspect"), "{shell}");
    }
}
