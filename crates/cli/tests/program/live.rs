//! `tune` of a model, measured on this machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use tachograph_store::{Moment, Store, Tuned, TuningRecord};

use crate::{Ran, image, run_in, write_model};

const BIND: [&str; 2] = ["--bind", "batch=1"];

fn tune(folder: &Path, more: &[&str]) -> Ran {
    run_in(folder, &[&["tune", "m.onnx", "--store", "s.sqlite"], &BIND[..], more].concat())
}

/// Of the lines those of trials, by task and schedule, with whether they were known before.
fn trials(lines: &[Value]) -> BTreeMap<(u64, String), bool> {
    let trials = lines.iter().filter(|line| !line["trial"].is_null());
    let key = |line: &Value| (line["task"].as_u64().unwrap(), line["schedule"].to_string());
    let trials: Vec<_> = trials.map(|line| (key(line), line["known"].as_bool().unwrap())).collect();
    let found: BTreeMap<_, _> = trials.iter().cloned().collect();
    assert_eq!(found.len(), trials.len(), "a schedule was said twice");
    found
}

#[test]
fn a_model_is_tuned_and_then_known() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder, "m.onnx", image("batch", 12), 4);
    let ran = tune(folder, &["--device", "cpu", "--trials", "12", "--json"]).well();
    assert!(ran.err.contains("of 12 trials") && ran.err.contains("trials/s"), "{}", ran.err);
    let lines = ran.json();
    let (first, last) = (trials(&lines), lines.last().unwrap().clone());
    assert_eq!((first.len(), last["trials"].as_u64(), last["measured"].as_u64()), (12, Some(12), Some(12)));
    assert!(first.values().all(|known| !known));
    assert!(last["gain"].as_f64() >= Some(1.0), "{last}");
    let tasks: Vec<&Value> = lines.iter().filter(|line| line["operators"].is_string()).collect();
    assert!(!tasks.is_empty() && tasks.iter().all(|task| task["best_ms"].as_f64() <= task["untuned_ms"].as_f64()));

    // Known, by any tuner, without a compiler and without measuring.
    let mut command = Command::new(env!("CARGO_BIN_EXE_tachograph"));
    let args =
        ["tune", "m.onnx", "--store", "s.sqlite", "--bind", "batch=1", "--trials", "0", "--tuner", "ansor", "--json"];
    let out = command.args(args).env("CC", "/no/such/cc").current_dir(folder).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let again: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(trials(&again).values().all(|known| *known));
    let said = |lines: &[Value]| {
        let tasks = lines.iter().filter(|line| line["operators"].is_string());
        tasks.map(|task| (task["best_ms"].clone(), task["schedule"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(said(&lines), said(&again));
    let text = tune(folder, &["--trials", "0"]).well().out;
    assert!(text.contains("untuned ms") && text.contains("0 of them measured now"), "{text}");

    // What the program shows is what was found.
    let shown =
        run_in(folder, &["program", "show", "m.onnx", "--group", "0", "--store", "s.sqlite", "--bind", "batch=1"]);
    assert!(shown.well().out.contains("the fastest known here"));
    report(folder);
}

/// Draws what the store knows.
fn report(folder: &Path) {
    let args = ["tune", "report", "--model", "m.onnx", "--bind", "batch=1", "--store", "s.sqlite"];
    let text = run_in(folder, &[&args[..], &["--html", "p.html", "--svg", "pictures"]].concat()).well().out;
    assert!(text.contains("group 0: Conv"), "{text}");
    let page = std::fs::read_to_string(folder.join("p.html")).unwrap();
    assert!(page.contains("<polyline") && !page.contains("http://localhost") && page.contains("default-src 'none'"));
    assert!(std::fs::read_to_string(folder.join("pictures/curves-0.svg")).unwrap().starts_with("<svg xmlns="));
}

/// Ends the program by a signal that it cannot see, in the middle, and starts it again.
#[cfg(unix)]
#[test]
fn killed_it_goes_on_without_losing_or_repeating_a_measurement() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder, "m.onnx", image("batch", 12), 4);
    let args = ["tune", "m.onnx", "--bind", "batch=1", "--store", "s.sqlite", "--trials", "20", "--json"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_tachograph"))
        .args(args)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // What it has said when the sixth trial is there; what is in the pipe then may be more.
    let mut said = Vec::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while said.len() < 6 && out.read_line(&mut line).unwrap() > 0 {
        said.push(serde_json::from_str::<Value>(&line).unwrap());
        line.clear();
    }
    // SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
    let before = trials(&said);
    assert_eq!(before.len(), 6);

    let lines = run_in(folder, &args).well().json();
    let after = trials(&lines);
    assert_eq!(after.len(), 20);
    for key in before.keys() {
        assert_eq!(after.get(key), Some(&true), "lost, or measured again: {key:?}");
    }
    let known = after.values().filter(|known| **known).count();
    assert!((6..20).contains(&known), "{known} were known");
    // In the store each is once.
    let store = Store::open(&folder.join("s.sqlite").display().to_string()).unwrap();
    let tasks: BTreeSet<String> =
        lines.iter().filter_map(|line| line["workload"].as_str()).map(str::to_owned).collect();
    let device = store.device_names().unwrap().remove(0).0;
    let records: Vec<TuningRecord> =
        tasks.iter().flat_map(|task| store.tuning(task, &device, u32::MAX).unwrap()).collect();
    let distinct: BTreeSet<_> =
        records.iter().map(|record| (record.workload.clone(), record.trace.to_string())).collect();
    assert_eq!((records.len(), distinct.len()), (20, 20));
}

#[test]
fn a_new_shape_is_answered_from_what_is_known_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder, "m.onnx", image("batch", 12), 8);
    write_model(folder, "n.onnx", image("batch", 16), 8);
    let at = |model: &str, trials: &str| {
        let args = ["tune", model, "--bind", "batch=1", "--store", "s.sqlite", "--trials", trials];
        run_in(folder, &[&args[..], &["--json"]].concat()).well().json()
    };
    let nothing = at("n.onnx", "0");
    assert!(nothing[0]["best_ms"].is_null() && nothing[0]["near"].is_null(), "{nothing:?}");
    at("m.onnx", "8");
    let near = at("n.onnx", "0").remove(0);
    assert!(near["best_ms"].is_null() && near["near"]["schedule"].is_array(), "{near}");
    assert!(near["near"]["about_ms"].as_f64() > Some(0.0) && near["near"]["expected_loss"].is_null(), "{near}");
    let text =
        run_in(folder, &["tune", "n.onnx", "--bind", "batch=1", "--store", "s.sqlite", "--trials", "0"]).well().out;
    assert!(text.contains("from the nearest shape") && text.contains("nobody knows how much"), "{text}");
    // Tuned when asked, beginning with what was best there.
    let tuned = at("n.onnx", "4");
    assert!(tuned.iter().any(|line| line["schedule"] == near["near"]["schedule"] && !line["trial"].is_null()));
}

#[test]
fn what_was_measured_elsewhere_is_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder, "m.onnx", image("batch", 12), 8);
    write_model(folder, "n.onnx", image("batch", 16), 8);
    let at = |model: &str, store: &str, more: &[&str]| {
        run_in(folder, &[&["tune", model, "--bind", "batch=1", "--group", "0", "--store", store], more].concat())
    };
    at("m.onnx", "s.sqlite", &["--trials", "12"]).well();
    // Other shapes in the store.
    let ran = at("n.onnx", "s.sqlite", &["--trials", "6", "--from", "store", "--json"]).well();
    let last = ran.json().pop().unwrap();
    assert_eq!((last["records_elsewhere"].as_u64(), last["measured"].as_u64()), (Some(12), Some(6)), "{last}");
    // A device by its name, as if it were another: the same shape, and the other.
    let store = Store::open(&folder.join("s.sqlite").display().to_string()).unwrap();
    let device = store.device_names().unwrap().remove(0).0;
    let text = at("n.onnx", "s.sqlite", &["--trials", "0", "--from", &format!("store:{device}")]).well().out;
    assert!(text.contains("started from 18 records: ") && text.contains(&format!(" on {device}")), "{text}");
    // A file of measured programs.
    let collect = ["program", "collect", "m.onnx", "--bind", "batch=1", "--programs", "10", "--out", "set"];
    run_in(folder, &[&collect[..], &["--least", "0.001"]].concat()).well();
    let ran = at("n.onnx", "t.sqlite", &["--trials", "4", "--from", "set", "--tuner", "source-order", "--json"]).well();
    assert_eq!(ran.json().pop().unwrap()["records_elsewhere"].as_u64(), Some(10));

    let refused =
        |more: &[&str]| at("n.onnx", "s.sqlite", &[&["--trials", "1", "--from"], more].concat()).failed().to_owned();
    assert!(refused(&["store", "--tuner", "random"]).contains("random makes nothing"));
    assert!(refused(&["store:abacus"]).contains(&device));
    assert!(refused(&["nosuch.jsonl.gz"]).contains("nosuch.jsonl.gz"));
    let empty = at("n.onnx", "u.sqlite", &["--trials", "1", "--from", "store"]);
    assert!(empty.failed().contains("there is no store yet"));
}

#[test]
fn a_record_of_another_version_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder, "m.onnx", image("batch", 12), 4);
    let lines = tune(folder, &["--trials", "3", "--group", "0", "--json"]).well().json();
    let store = Store::open(&folder.join("s.sqlite").display().to_string()).unwrap();
    let device = store.device_names().unwrap().remove(0).0;
    let workload = lines[0]["workload"].as_str().unwrap();
    let record = store.tuning(workload, &device, 1).unwrap().remove(0);
    let trace = serde_json::json!({ "version": 9, "steps": [] });
    let newer = TuningRecord { trace, outcome: Tuned::TimesMs(vec![1e-9]), date: Moment::now(), ..record };
    store.put_tuning(&[newer]).unwrap();
    let ran = tune(folder, &["--trials", "0", "--group", "0", "--json"]).well();
    assert!(
        ran.err.contains(workload) && ran.err.contains("version 9") && ran.err.contains("reads version 1"),
        "{}",
        ran.err
    );
    assert_eq!(trials(&ran.json()).len(), 3);
}

#[test]
fn what_cannot_be_tuned_is_said() {
    let folder = tempfile::tempdir().unwrap();
    write_model(folder.path(), "m.onnx", image("batch", 12), 4);
    let failed = |more: &[&str]| tune(folder.path(), more).failed().to_owned();
    assert!(failed(&["--device", "tpu"]).contains("--device tpu: programs are tuned on the processor of this machine"));
    assert!(failed(&["--group", "99"]).contains("there is no group 99"));
    assert!(failed(&["--tuner", "none"]).contains("there is no tuner `none`"));
    let at = |args: &[&str]| run_in(folder.path(), args);
    assert_eq!(at(&["tune", "m.onnx", "--minutes", "-1"]).code, 2);
    assert_eq!(at(&["tune", "m.onnx", "--recorded", "t.csv"]).code, 2);
    assert!(at(&["tune", "report", "nosuch.jsonl"]).failed().contains("nosuch.jsonl"));
    std::fs::write(folder.path().join("bad.jsonl"), "{\"trial\": 1}\n").unwrap();
    assert!(at(&["tune", "report", "bad.jsonl"]).failed().contains("bad.jsonl, line 1"));
}
