//! `query` and `store` on a file, without libtorch.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use tachograph_ir::Dim;
use tachograph_store::Store;

use crate::{Ran, image, models, run_in, write_model};

/// Runs `tachograph` in `folder` with the store in it.
fn at(folder: &Path, args: &[&str]) -> Ran {
    let store = folder.join("store.sqlite");
    run_in(folder, &[args, &["--store", store.to_str().unwrap()]].concat())
}

/// Models of which a board measured a few batches: half a millisecond a sample, and a quarter for each sixteen channels.
fn measured(folder: &Path) {
    let mut table = "file,device,latency_ms,batch\n".to_owned();
    for i in 1..=6_u32 {
        write_model(folder, &format!("m{i}.onnx"), image("batch", 32), (16 * i).into());
        for batch in [1, 4] {
            let ms = f64::from(batch) * (0.5 + 0.25 * f64::from(i));
            table += &format!("m{i}.onnx,Board-7,{ms},{batch}\n");
        }
    }
    write_model(folder, "large.onnx", image("batch", 32), 160);
    fs::write(folder.join("mine.csv"), table).unwrap();
}

#[test]
fn measured_then_interpolated_then_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    measured(folder);
    let import = |new: u64, known: u64| {
        let line = at(folder, &["store", "import", "mine.csv", "--json"]).well().json().remove(0);
        assert_eq!((line["new"].as_u64(), line["known"].as_u64()), (Some(new), Some(known)), "{line}");
    };
    import(12, 0);
    import(0, 12);
    let query = |args: &[&str]| {
        let args = [&["query", "--device", "board 7", "--json"], args].concat();
        at(folder, &args).well().json().remove(0)
    };
    let line = query(&["m2.onnx", "--bind", "batch=4"]);
    assert_eq!((line["known_by"].as_str(), line["latency_ms"].as_f64()), (Some("measured"), Some(4.0)), "{line}");
    assert_eq!((line["device"].as_str(), line["measurements"].as_u64()), (Some("Board-7"), Some(1)), "{line}");
    assert!(line["age_s"].is_u64() && line["newest"].is_string() && line["interval_low_ms"].is_null(), "{line}");
    let line = query(&["m2.onnx", "--bind", "batch=2"]);
    assert_eq!(line["known_by"], "interpolated", "{line}");
    assert_eq!(line["between"], serde_json::json!([[1, 1.0], [4, 4.0]]));
    assert!(line["interval_low_ms"].as_f64() <= Some(2.0) && line["interval_high_ms"].as_f64() >= Some(2.0), "{line}");
    assert!(line["interval_source"].as_str().unwrap().contains("more samples never take less"), "{line}");
    // Beyond what was measured of it, and in between, nothing contradicts that.
    let line = query(&["m2.onnx", "--bind", "batch=16"]);
    assert_eq!((&line["known_by"], &line["scaled_to"]), (&"predicted".into(), &serde_json::json!([4, 4.0])), "{line}");
    let source = line["interval_source"].as_str().unwrap();
    assert!(source.ends_with("scaled to the measurement at batch 4") && line["interval_percent"].is_null(), "{line}");
    let times: Vec<(f64, f64)> = [1, 2, 3, 4, 5, 8, 16, 64, 1024]
        .map(|batch| (f64::from(batch), query(&["m2.onnx", "--bind", &format!("batch={batch}")])))
        .map(|(batch, line)| (batch, line["latency_ms"].as_f64().unwrap()))
        .to_vec();
    for pair in times.windows(2) {
        let [(b1, t1), (b2, t2)] = pair else { panic!() };
        assert!(t1 <= t2 && t2 / b2 <= t1 / b1 * 1.0001, "{times:?}");
    }
    let text = at(folder, &["query", "--device", "board-7", "m2.onnx", "--bind", "batch=16"]).well().out;
    assert!(text.contains("scaled to     4.000 ms measured at batch 4"), "{text}");
    // No checkpoint knows the board; its own measurements do.
    let line = query(&["large.onnx", "--bind", "batch=1"]);
    assert_eq!(line["known_by"], "predicted", "{line}");
    assert!((line["latency_ms"].as_f64().unwrap() / 3.0 - 1.0).abs() < 0.3, "{line}");
    assert_eq!(line["predicted_by"], "rates, from 12 measurements there");
    assert_eq!(line["warnings"], serde_json::json!([]), "{line}");
    // A thousand times what was measured is said to be far from it.
    let line = query(&["large.onnx", "--bind", "batch=4096"]);
    let warning = line["warnings"][0].as_str().unwrap_or_default();
    assert!(warning.starts_with("far from all that was measured on "), "{line}");
    let ran = at(folder, &["query", "--device", "board-7", "m2.onnx", "large.onnx"]).well();
    assert!(ran.out.contains("measured") && ran.out.contains("predicted"), "{}", ran.out);
    let text = at(folder, &["query", "--device", "board-7", "m2.onnx"]).well().out;
    assert!(text.contains("measured      1.000 ms for batch 1") && text.contains("spread not recorded"), "{text}");
}

#[test]
fn a_network_is_found_from_another_export() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    measured(folder);
    at(folder, &["store", "import", "mine.csv"]).well();
    // The batch has another name, and the file too.
    let dims: Vec<Dim> = image("N", 32);
    write_model(folder, "again.onnx", dims, 32);
    let args = ["query", "again.onnx", "--device", "Board-7", "--bind", "N=4", "--json"];
    let line = at(folder, &args).well().json().remove(0);
    assert_eq!((line["known_by"].as_str(), line["latency_ms"].as_f64()), (Some("measured"), Some(4.0)), "{line}");
}

/// A fresh machine: nothing is set up, nothing is made, and what the checkpoints know is said.
#[test]
fn without_a_store_there_are_predictions() {
    let folder = tempfile::tempdir().unwrap();
    let model = models().join(crate::RESNET);
    let model = model.to_str().unwrap();
    let fresh = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tachograph"));
        command.env_remove("TACHOGRAPH_STORE").env("HOME", folder.path()).env_remove("XDG_DATA_HOME");
        let Output { status, stdout, stderr } = command.args(args).current_dir(folder.path()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
    };
    let line = fresh(&["query", model, "--device", "rtx 4090", "--json"]).well().json().remove(0);
    let predicted = fresh(&["predict", model, "--device", "rtx 4090", "--json"]).well().json().remove(0);
    assert_eq!(line["known_by"], "predicted");
    for key in ["device", "latency_ms", "interval_low_ms", "interval_high_ms"] {
        assert_eq!(line[key], predicted[key], "{key}");
    }
    assert_eq!((&line["predicted_by"], &line["warnings"]), (&predicted["checkpoint"], &predicted["warnings"]));
    // Nobody knows this machine: `predict` says what another takes, and so does `query`, unless it was asked for.
    let line = fresh(&["query", model, "--json"]).well().json().remove(0);
    let predicted = fresh(&["predict", model, "--json"]).well().json().remove(0);
    assert_eq!((&line["device"], &line["latency_ms"]), (&predicted["device"], &predicted["latency_ms"]));
    if predicted["this_machine"] == false {
        let warning = line["warnings"][0].as_str().unwrap();
        assert!(warning.contains("the time of another machine") && warning.contains("query --measure"), "{warning}");
        let ran = fresh(&["query", model, "--device", "cpu"]);
        assert!(ran.failed().contains("nothing was measured on this machine yet"), "{}", ran.err);
    }
    let ran = fresh(&["query", model, "--device", "h200"]);
    assert!(ran.failed().contains("unknown device `h200`; nearest are h100-sxm"), "{}", ran.err);
    let ran = fresh(&["store", "stats"]);
    assert!(ran.failed().contains("no store at ") && ran.err.contains("store.sqlite yet"), "{}", ran.err);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn out_and_in_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    measured(folder);
    at(folder, &["store", "import", "mine.csv"]).well();
    for to in ["all.jsonl", "all.jsonl.gz", "set", "mine-too.csv"] {
        let line = at(folder, &["store", "export", to, "--json"]).well().json().remove(0);
        assert_eq!(line["measurements"], 12, "{line}");
        let other = folder.join(format!("{to}.sqlite"));
        let other = other.to_str().unwrap();
        run_in(folder, &["store", "import", to, "--store", other]).well();
        let args = ["query", "m3.onnx", "--device", "Board-7", "--json", "--store", other];
        let line = run_in(folder, &args).well().json().remove(0);
        assert_eq!((line["known_by"].as_str(), line["latency_ms"].as_f64()), (Some("measured"), Some(1.25)), "{line}");
        let line = run_in(folder, &["store", "verify", "--json", "--store", other]).well().json().remove(0);
        assert_eq!((line["graphs"].as_u64(), line["measurements"].as_u64()), (Some(6), Some(12)), "{line}");
    }
    let size = |name: &str| fs::metadata(folder.join(name)).unwrap().len();
    assert!(size("all.jsonl.gz") * 5 < size("all.jsonl"));
    // What stopped in the middle says how far it came.
    let text = fs::read_to_string(folder.join("all.jsonl")).unwrap();
    fs::write(folder.join("torn.jsonl"), &text[..text.len() - 100]).unwrap();
    let ran = run_in(folder, &["store", "import", "torn.jsonl", "--store", "torn.sqlite"]);
    let said = "before that 11 measurements were stored (0 known), all up to line 17; the same again skips them";
    assert!(ran.failed().contains("torn.jsonl: line 18: ") && ran.err.contains(said), "{}", ran.err);
    let line =
        run_in(folder, &["store", "import", "all.jsonl", "--json", "--store", "torn.sqlite"]).well().json().remove(0);
    assert_eq!((line["new"].as_u64(), line["known"].as_u64()), (Some(1), Some(11)), "{line}");
    assert!(at(folder, &["store", "export", "set"]).failed().contains("is there already"));
    let text = at(folder, &["store", "stats"]).well().out;
    assert!(text.contains("12 measurements of 6 graphs on 1 device") && text.contains("Board-7"), "{text}");
    assert_eq!(at(folder, &["store", "stats", "--json"]).well().json()[0]["holds"]["measurements"], 12);
}

#[test]
fn jobs_wait_for_a_worker() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_model(folder, "m.onnx", image("batch", 32), 16);
    let ask = ["query", "m.onnx", "--device", "board", "--measure", "--no-wait", "--priority", "5", "--json"];
    let line = at(folder, &ask).well().json().remove(0);
    assert_eq!((line["known_by"].as_str(), line["job"].as_i64()), (Some("queued"), Some(1)), "{line}");
    assert!(line["latency_ms"].is_null(), "{line}");
    let warned = |line: &Value| {
        let warnings = line["warnings"].as_array().unwrap().iter().map(|warning| warning.as_str().unwrap().to_owned());
        warnings.filter(|warning| warning.starts_with("no worker has ever served `board`, ")).collect::<Vec<_>>()
    };
    assert!(warned(&line).iter().any(|warning| warning.contains(", nor any other device; ")), "{line}");
    // Workers of others are named.
    let sql = Store::open(folder.join("store.sqlite").to_str().unwrap()).unwrap();
    sql.announce("w", &["orin".into(), "Pi5".into()]).unwrap();
    let ask2 = ["query", "m.onnx", "--device", "board", "--measure", "--no-wait", "--deadline", "0.001", "--json"];
    let line = at(folder, &ask2).well().json().remove(0);
    assert!(warned(&line).iter().any(|warning| warning.contains(", only orin, pi5; ")), "{line}");
    sql.announce("w", &["board".into()]).unwrap();
    drop(sql);
    let line = at(folder, &ask2).well().json().remove(0);
    assert!(warned(&line).is_empty(), "{line}");
    let jobs = at(folder, &["store", "jobs", "--json"]).well().json();
    let first = jobs.last().unwrap();
    assert_eq!((jobs.len(), first["state"].as_str(), first["priority"].as_i64()), (3, Some("queued"), Some(5)));
    let top = at(folder, &["store", "top", "--json"]).well().json();
    assert_eq!((top[0]["device"].as_str(), top[0]["queued"].as_u64()), (Some("board"), Some(3)), "{top:?}");
    assert!(at(folder, &["store", "top"]).well().out.contains("board"));
    let late = ["query", "m.onnx", "--device", "board", "--measure", "--deadline", "0.2"];
    let ran = at(folder, &late);
    assert!(ran.failed().contains("job 4 failed: its deadline passed"), "{}", ran.err);
    assert_eq!(at(folder, &["store", "cancel", "1"]).well().out, "job 1: cancelled\n");
    assert!(at(folder, &["store", "cancel", "1"]).failed().contains("job 1 has ended already"));
    let text = at(folder, &["store", "jobs"]).well().out;
    assert!(text.contains("cancelled") && text.contains("deadline"), "{text}");
}

#[test]
fn a_password_is_not_for_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let address = "postgres://me:hunter2@localhost:1/db";
    for args in [&["store", "stats"][..], &["query", "m.onnx"], &["worker"]] {
        let ran = run_in(folder.path(), &[args, &["--store", address]].concat());
        if args == ["worker"] && cfg!(not(feature = "torch")) {
            continue;
        }
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(
            ran.err.contains("--store postgres://me@localhost:1/db: a password on the command line"),
            "{}",
            ran.err
        );
        assert!(!ran.err.contains("hunter2") && !ran.out.contains("hunter2"), "{}", ran.err);
    }
}

#[test]
fn what_cannot_be_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("store.sqlite"), "this is no database, but a text that is long enough to be taken for one")
        .unwrap();
    assert!(at(folder, &["store", "stats"]).failed().contains("store.sqlite"));
    let ran = run_in(folder, &["query", "nosuch.onnx", "--store", "other.sqlite"]);
    assert!(ran.failed().contains("nosuch.onnx"), "{}", ran.err);
    let ran = run_in(folder, &["store", "rollback", "d", "--store", "new.sqlite"]);
    assert!(ran.failed().contains("no checkpoint is installed"), "{}", ran.err);
    let ran = run_in(folder, &["store", "roles", "--store", "new.sqlite"]);
    assert!(ran.failed().contains("roles are of a PostgreSQL server"), "{}", ran.err);
    let ran = run_in(folder, &["query", "m.onnx", "--no-wait"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    let line =
        run_in(folder, &["store", "train", "--device", "d", "--store", "new.sqlite", "--json"]).well().json().remove(0);
    assert_eq!((line["made"].as_str(), line["new"].as_u64()), (Some("nothing"), Some(0)), "{line}");
}
