//! `tachograph program`.

use std::{collections::HashSet, process::Command};

use tachograph_tune::Collected;

use crate::{image, run_in, write_model};

#[test]
fn groups_are_shown_measured_and_known_again() {
    let folder = tempfile::tempdir().unwrap();
    write_model(folder.path(), "m.onnx", image("batch", 16), 4);
    let at = |args: &[&str]| {
        run_in(folder.path(), &[&["program"], args, &["--bind", "batch=1", "--store", "s.sqlite"]].concat())
    };
    let groups = at(&["show", "m.onnx", "--json"]).well().json();
    assert!(!groups.is_empty() && groups.iter().all(|group| group["error"].is_null()), "{groups:?}");
    let text = at(&["show", "m.onnx"]).well().out;
    assert!(text.contains("GFLOP") && text.contains("Conv"), "{text}");
    let one = ["show", "m.onnx", "--group", "0"];
    let before = at(&[&one[..], &["--json"]].concat()).well().json().remove(0);
    assert_eq!(before["schedule_from"], "the first point; none has been measured here");

    let measure = ["measure", "m.onnx", "--group", "0", "--points", "3", "--json"];
    let measured = at(&measure).well().json();
    assert_eq!(measured.len(), 3);
    assert!(measured.iter().all(|record| record["outcome"]["time"]["median"].as_f64() > Some(0.0)), "{measured:?}");
    // The same draw gives what is known; others are measured.
    let more = at(&measure).well().json();
    assert!(more.iter().all(|record| measured.iter().all(|known| known["schedule"] != record["schedule"])));
    let after = at(&[&one[..], &["--json"]].concat()).well().json().remove(0);
    assert!(after["schedule_from"].as_str().unwrap().starts_with("the fastest known here"), "{after}");
    assert!(measured.iter().chain(&more).any(|record| record["schedule"] == after["schedule"]));

    let code = at(&[&one[..], &["--code", "--svg", "nest.svg"]].concat()).well().out;
    assert!(code.starts_with("/*") && code.contains("void run("), "{code}");
    assert!(std::fs::read_to_string(folder.path().join("nest.svg")).unwrap().starts_with("<svg"));
}

#[test]
fn what_is_not_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    write_model(folder.path(), "m.onnx", image("batch", 16), 4);
    let at = |args: &[&str]| run_in(folder.path(), args);
    let ran = at(&["program", "show", "m.onnx", "--bind", "batch=1", "--group", "99"]);
    assert!(ran.failed().contains("m.onnx: there is no group 99, the last is "), "{}", ran.err);
    let ran = at(&["program", "measure", "m.onnx", "--bind", "batch=1", "--no-store"]);
    assert!(ran.failed().contains("which group? --group N"), "{}", ran.err);
    let mut command = Command::new(env!("CARGO_BIN_EXE_tachograph"));
    command.args(["program", "measure", "m.onnx", "--bind", "batch=1", "--no-store", "--group", "0"]);
    let out = command.env("CC", "/no/such/cc").current_dir(folder.path()).output().unwrap();
    let err = String::from_utf8(out.stderr).unwrap();
    assert!(!out.status.success() && err.contains("/no/such/cc") && err.contains("install gcc or clang"), "{err}");
}

#[test]
fn programs_are_collected_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder, "m.onnx", image("batch", 12), 4);
    let collect = |programs: &str| {
        let args = ["program", "collect", "m.onnx", "--out", "set", "--least", "0.001", "--programs", programs];
        run_in(folder, &[&args[..], &["--bind", "batch=1"]].concat()).well().out
    };
    let read = || {
        let files = std::fs::read_dir(folder.join("set")).unwrap();
        let mut sets: Vec<Collected> = files.map(|file| Collected::read(&file.unwrap().path()).unwrap()).collect();
        sets.sort_by_key(|set| set.head.workload.hash().to_string());
        sets
    };
    assert!(collect("18").contains(" measured now in "));
    let first = read();
    assert!(!first.is_empty());
    assert!(collect("20").contains(&format!("\n{} measured now in ", 2 * first.len())));
    for (set, before) in read().iter().zip(&first) {
        assert_eq!((set.programs.len(), &set.programs[..18]), (20, &before.programs[..]));
        let points: HashSet<_> = set.programs.iter().map(|program| &program.point).collect();
        assert_eq!(points.len(), 20, "a program was measured twice");
        // Half of them bred; what came first is what the machine's drift is told by.
        assert!((2..=16).contains(&set.programs.iter().filter(|program| program.evolved).count()));
        assert!(set.programs[..16].iter().all(|program| program.drift == 1.0));
        assert!(set.programs.iter().any(|program| program.outcome.is_ok()));
    }
}
