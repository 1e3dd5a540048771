//! The verbs that run libtorch, on tiny inputs.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{RESNET, image, models, run, run_in, write_model};

/// A tiny model in a folder of its own.
fn tiny() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_model(folder.path(), "tiny.onnx", image("batch", 16), 4);
    folder
}

#[test]
fn profile_measures_whole_and_operators() {
    let folder = tiny();
    let line = run_in(folder.path(), &["profile", "tiny.onnx", "--bind", "batch=2", "--json"]).well().json().remove(0);
    for key in ["latency_ms", "latency_min_ms", "repeats", "threads"] {
        assert!(line[key].as_f64().is_some_and(|n| n > 0.0), "{key}: {line}");
    }
    assert_eq!(
        (line["batch"].as_u64(), line["device"].as_str(), line["energy_j"].as_f64()),
        (Some(2), Some("cpu"), None)
    );
    assert_eq!(line["operators"].as_array().map(Vec::len), Some(2));
    let text = run_in(folder.path(), &["profile", "tiny.onnx"]).well().out;
    assert!(text.contains("latency  ") && text.contains("Conv `"), "{text}");
}

#[test]
fn threads_and_devices_that_cannot_be() {
    for threads in ["0", "-1", "100000"] {
        assert_eq!(run(&["profile", RESNET, "--threads", threads]).code, 2, "{threads}");
        assert_eq!(run(&["collect", "--out", "x", "--name", "x", "--threads", threads]).code, 2, "{threads}");
    }
    let ran = run(&["profile", RESNET, "--device", "tpu"]);
    assert!(ran.failed().contains("device `tpu`: unknown; use cpu, cuda or cuda:N"), "{}", ran.err);
}

/// The measurement is compared with a prediction for this machine, never with that for another.
#[test]
fn predict_measures_beside_a_prediction_for_here() {
    let folder = tiny();
    let args = ["predict", "tiny.onnx", "--device", "rtx4090", "--measure", "--json"];
    let line = run_in(folder.path(), &args).well().json().remove(0);
    assert!(line["measured_here_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{line}");
    assert_ne!(line["predicted_here_ms"], line["latency_ms"]);
    assert_eq!(line["predicted_here_by"], "by rates, from a quick look at other networks");
}

/// A set is measured, looked at, trained on, evaluated; two trainings make an ensemble; a checkpoint is adapted to it.
#[test]
fn from_measurements_to_predictions() {
    let folder = tempfile::tempdir().unwrap();
    let at = |args: &[&str]| run_in(folder.path(), args).well();
    let collect = [
        "collect",
        "--out",
        "set",
        "--name",
        "here",
        "--count",
        "2",
        "--visits",
        "1",
        "--time-limit",
        "0.02",
        "--json",
    ];
    let line = at(&collect).json().remove(0);
    assert_eq!((line["networks"].as_u64(), line["skipped"].as_u64()), (Some(26), Some(0)), "{line}");
    assert_eq!(at(&collect).json().remove(0)["measurements"].as_u64(), Some(26));
    assert_eq!(at(&["data", "set", "--json"]).json()[0]["networks"].as_u64(), Some(26));

    fs::write(folder.path().join("run.toml"), CONFIG).unwrap();
    for seed in ["1", "2"] {
        let lines = at(&["train", "--config", "run.toml", "--out", seed, "--seed", seed, "--json"]).json();
        assert!(lines.iter().any(|line| line["epoch"].is_object()), "{lines:?}");
        let last = lines.last().unwrap();
        assert!(last["outcome"]["test"]["mape"].is_f64() && last["checkpoint"].is_string(), "{last}");
    }
    let lines = at(&["evaluate", "--config", "run.toml", "--out", "1", "--json"]).json();
    assert!(lines.len() > 1 && lines.iter().all(|line| line["mape_percent"].is_f64()), "{lines:?}");
    let on = ["evaluate", "--checkpoint", "1/best.safetensors", "--on", "set"];
    let ran = at(&[&on[..], &["--out", "again", "--json"]].concat());
    assert!(ran.err.contains("no extrapolation"), "{}", ran.err);
    let line = ran.json().remove(0);
    assert_eq!((line["output"].as_str(), line["networks"].as_u64()), (Some("here"), Some(26)), "{line}");
    for plot in ["predicted", "families", "cumulative"] {
        for end in ["svg", "png"] {
            assert!(folder.path().join(format!("again/plots/{plot}.{end}")).is_file(), "{plot}.{end}");
        }
    }
    assert!(folder.path().join("again/report.json").is_file());
    let ran = run_in(folder.path(), &[&on[..], &["--device", "there=here"]].concat());
    assert!(ran.failed().contains("`there` is no device of 1/best.safetensors"), "{}", ran.err);
    at(&["ensemble", "1/best.safetensors", "2/best.safetensors", "--out", "both.safetensors"]);
    let model = models().join(RESNET);
    let model = model.to_str().unwrap();
    let predicted = |checkpoint: &str| {
        let line = at(&["predict", model, "--checkpoint", checkpoint, "--json"]).json().remove(0);
        assert_eq!(line["device"], "here");
        line["latency_ms"].as_f64().unwrap()
    };
    let (one, two, both) =
        (predicted("1/best.safetensors"), predicted("2/best.safetensors"), predicted("both.safetensors"));
    assert!(one.min(two) <= both && both <= one.max(two), "{one} {two} {both}");

    let adapt = ["adapt", "set", "--device", "here", "--k", "6", "--out", "here.safetensors", model, "--json"];
    let line = at(&adapt).json().remove(0);
    assert_eq!((line["by"].as_str(), line["measurements"].as_u64()), (Some("checkpoint"), Some(6)));
    assert!(line["mape_percent"].is_f64() && line["tested_mape_percent"].is_f64(), "{line}");
    let ms = predicted("here.safetensors");
    assert!((line["predictions"][0]["latency_ms"].as_f64().unwrap() / ms - 1.0).abs() < 1e-4, "{line}");
    assert!(Path::new(line["checkpoint"].as_str().unwrap()).ends_with("here.safetensors"));
    let plan = at(&["transfer", "set", "--by", "checkpoint", "--plan", "5"]).out;
    assert_eq!(plan.lines().count(), 5, "{plan}");
}

const CONFIG: &str = r#"
data = "set"
device = "here"
features = "extended"
loss = "relative-absolute"
epochs = 2
batch = 8
seed = 1

[split]
kind = "random"
seed = 0

[model]
kind = "additive"
hidden = 16
layers = 1
"#;

/// What is measured is stored, and found again from another export of the network.
#[test]
fn measured_once_asked_often() {
    let folder = tiny();
    let at = |args: &[&str]| run_in(folder.path(), &[args, &["--store", "s.sqlite"]].concat());
    write_model(folder.path(), "again.onnx", image("N", 16), 4);
    let profiled = at(&["profile", "tiny.onnx", "--bind", "batch=2", "--json"]).well().json().remove(0);
    let line = at(&["query", "again.onnx", "--bind", "N=2", "--json"]).well().json().remove(0);
    assert_eq!((&line["known_by"], &line["latency_ms"]), (&"measured".into(), &profiled["latency_ms"]), "{line}");
    assert_eq!((&line["hardware"], &line["library"]), (&profiled["hardware"], &profiled["library"]));
    assert!(line["memory_bytes"] == profiled["memory_bytes"] && line["age_s"].as_u64() < Some(600), "{line}");
    // Not stored, and so not known.
    run_in(folder.path(), &["profile", "tiny.onnx", "--bind", "batch=3", "--no-store"]).well();
    let line = at(&["query", "tiny.onnx", "--bind", "batch=3", "--json"]).well().json().remove(0);
    assert_eq!(line["known_by"], "predicted", "{line}");
    let line = at(&["query", "tiny.onnx", "--bind", "batch=3", "--measure", "--json"]).well().json().remove(0);
    assert_eq!((&line["known_by"], line["measurements"].as_u64()), (&"measured".into(), Some(1)), "{line}");
    let collect =
        ["collect", "--out", "set", "--name", "here", "--count", "1", "--visits", "1", "--time-limit", "0.01"];
    at(&collect).well();
    let stats = at(&["store", "stats", "--json"]).well().json().remove(0);
    assert_eq!(stats["holds"]["measurements"], 15, "{stats}");
}

/// What was measured before somebody kills the program is stored, and each of it once when it has gone on to the end.
#[test]
fn a_killed_collection_has_stored_what_it_measured() {
    let folder = tempfile::tempdir().unwrap();
    let stored = || {
        let ran = run_in(folder.path(), &["store", "stats", "--json", "--store", "s.sqlite"]);
        if ran.code == 0 { ran.json()[0]["holds"]["measurements"].as_u64().unwrap() } else { 0 }
    };
    let args = ["collect", "--out", "set", "--name", "here", "--count", "3", "--visits", "1", "--time-limit", "0.02"];
    let args = [&args[..], &["--store", "s.sqlite"]].concat();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tachograph"));
    command.args(&args).current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut collecting = command.spawn().unwrap();
    let since = Instant::now();
    while stored() == 0 {
        assert!(collecting.try_wait().unwrap().is_none(), "it came to its end before anything was stored");
        assert!(since.elapsed() < Duration::from_secs(300), "nothing is stored");
        sleep(Duration::from_millis(100));
    }
    collecting.kill().unwrap();
    collecting.wait().unwrap();
    let file = fs::read_to_string(folder.path().join("set/measurements/here.jsonl")).unwrap();
    let (written, before) = (file.lines().count() as u64, stored());
    // The one in hand may be in the set alone.
    assert!(before >= 1 && before + 1 >= written && before <= written, "{before} of {written} stored");
    let line = run_in(folder.path(), &[&args[..], &["--json"]].concat()).well().json().remove(0);
    assert_eq!((line["measurements"].as_u64(), stored()), (Some(39), 39), "{line}");
}

/// A worker measures in a process of its own. A network that crashes it ends in quarantine, and the worker goes on.
#[test]
fn a_worker_survives_what_crashes_its_runner() {
    let folder = tiny();
    let at = |args: &[&str]| run_in(folder.path(), &[args, &["--store", "s.sqlite"]].concat());
    let ask = |batch: &str| {
        at(&["query", "tiny.onnx", "--bind", batch, "--device", "board", "--measure", "--no-wait", "--json"])
            .well()
            .json()
    };
    // A network is called like its file.
    let first = ask("batch=1")[0]["job"].as_i64().unwrap();
    let worker = |crash: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tachograph"));
        command.env("TACHOGRAPH_TEST_CRASH", crash).current_dir(folder.path());
        let args = ["worker", "--store", "s.sqlite", "--name", "board", "--until-idle", "--json"];
        let ran = command.args(args).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .collect::<Vec<_>>()
    };
    let ended = worker("tiny");
    assert_eq!(ended[0]["end"]["outcome"], "quarantined", "{ended:?}");
    // It is not submitted again unasked.
    let again = |batch: &str, retry: &[&str]| {
        let args = ["query", "tiny.onnx", "--bind", batch, "--device", "board", "--measure", "--no-wait", "--json"];
        at(&[&args, retry].concat())
    };
    let ran = again("batch=2", &[]);
    let error = ran.failed();
    assert!(error.contains("tiny.onnx: it made the runner crash on board (job 1, batch 1)"), "{error}");
    assert!(error.contains("signal 6") && error.contains("--retry") && error.contains("store release 1"), "{error}");
    let second = again("batch=2", &["--retry"]).well().json()[0]["job"].as_i64().unwrap();
    assert_eq!(worker("another")[0]["end"]["outcome"], "done");
    let jobs = at(&["store", "jobs", &first.to_string(), &second.to_string(), "--json"]).well().json();
    assert_eq!((&jobs[0]["state"], &jobs[1]["state"]), (&"quarantined".into(), &"done".into()), "{jobs:?}");
    assert!(jobs[0]["reason"].as_str().unwrap().contains("signal 6"), "{jobs:?}");
    let line = at(&["query", "tiny.onnx", "--bind", "batch=2", "--device", "board", "--json"]).well().json().remove(0);
    assert_eq!((&line["known_by"], &line["device"]), (&"measured".into(), &"board".into()), "{line}");
    assert_eq!(at(&["store", "release", "1"]).well().out, "job 1: let go, 1 job\n");
    assert!(at(&["store", "jobs", "1"]).well().out.contains("(let go)"));
    let ran = at(&["query", "tiny.onnx", "--bind", "batch=1", "--device", "board", "--measure", "--deadline", "0.1"]);
    assert!(ran.failed().contains("failed: its deadline passed"), "{}", ran.err);
}

/// Ctrl-C gives a job back untried; a worker that is asked to end measures first.
#[test]
fn a_worker_ends_when_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let at = |args: &[&str]| run_in(folder.path(), &[args, &["--store", "s.sqlite"]].concat());
    let model = models().join(crate::RESNET);
    let ask = ["query", model.to_str().unwrap(), "--device", "board", "--measure", "--no-wait"];
    at(&ask).well();
    let job = || at(&["store", "jobs", "1", "--json"]).well().json().remove(0);
    // As a terminal does, which tells all of the group; as a service manager does, which tells the one that it started.
    for (signal, whole_group, state, attempts) in [("-INT", true, "queued", 0), ("-TERM", false, "done", 1)] {
        // A shell that starts tests in the background lets them ignore SIGINT, and so what they start.
        let mut command = Command::new("env");
        command
            .args([
                "--default-signal=INT",
                env!("CARGO_BIN_EXE_tachograph"),
                "worker",
                "--store",
                "s.sqlite",
                "--name",
                "board",
            ])
            .current_dir(folder.path())
            .process_group(0);
        let mut worker = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let since = Instant::now();
        while job()["state"] != "leased" {
            assert!(since.elapsed() < Duration::from_secs(60), "{}", job());
            sleep(Duration::from_millis(50));
        }
        // The runner has begun, and the worker listens.
        sleep(Duration::from_millis(500));
        let target = format!("{}{}", if whole_group { "-" } else { "" }, worker.id());
        assert!(Command::new("kill").args([signal, "--", &target]).status().unwrap().success());
        assert!(worker.wait().unwrap().success(), "{signal}");
        assert_eq!(
            (&job()["state"], job()["attempts"].as_i64()),
            (&state.into(), Some(attempts)),
            "{signal}: {}",
            job()
        );
    }
}

mod on_a_gpu {
    use super::*;

    /// A worker of a GPU, whose measurements say with which driver.
    #[test]
    #[ignore = "needs a GPU"]
    fn a_worker_measures() {
        let folder = tiny();
        let at = |args: &[&str]| run_in(folder.path(), &[args, &["--store", "s.sqlite"]].concat());
        at(&["query", "tiny.onnx", "--device", "gpu", "--measure", "--no-wait"]).well();
        let args = ["worker", "--device", "cuda:0", "--name", "gpu", "--until-idle", "--json"];
        assert_eq!(at(&args).well().json()[0]["end"]["outcome"], "done");
        let line = at(&["query", "tiny.onnx", "--device", "gpu", "--json"]).well().json().remove(0);
        assert_eq!((&line["known_by"], &line["device"]), (&"measured".into(), &"gpu".into()), "{line}");
        assert!(!line["hardware"].as_str().unwrap().starts_with("cuda:"), "{line}");
        let job = at(&["store", "jobs", "1", "--json"]).well().json().remove(0);
        assert!(job["result"]["driver"].as_str().is_some_and(|driver| !driver.is_empty()), "{job}");
    }
}

/// Checkpoints come from the store, and the first goes back.
#[test]
fn a_store_learns() {
    let folder = tempfile::tempdir().unwrap();
    let at = |args: &[&str]| run_in(folder.path(), &[args, &["--store", "s.sqlite"]].concat());
    let collect =
        ["collect", "--out", "set", "--name", "here", "--count", "2", "--visits", "1", "--time-limit", "0.02"];
    at(&collect).well();
    let train = |args: &[&str]| {
        at(&[&["store", "train", "--device", "here", "--held-out", "40", "--json"], args].concat())
            .well()
            .json()
            .remove(0)
    };
    let line = train(&["--at-least", "100"]);
    assert_eq!((line["made"].as_str(), line["checkpoint"].as_i64()), (Some("nothing"), None), "{line}");
    let adapted = train(&["--at-least", "5"]);
    assert_eq!(adapted["made"], "adapted", "{adapted}");
    assert!(adapted["mape_percent"].is_f64() && !adapted["rivals"].as_array().unwrap().is_empty(), "{adapted}");
    let total = adapted["learned"].as_u64().unwrap() + adapted["held_out"].as_u64().unwrap();
    assert_eq!(total, 26, "{adapted}");
    let trained = train(&["--at-least", "0", "--train-from", "5", "--epochs", "1"]);
    assert_eq!(trained["made"], "trained", "{trained}");
    // One epoch is worse than what was adapted, or than the rates where that was not installed either.
    let kept = at(&["store", "checkpoints", "--json"]).well().json();
    assert_eq!(kept.len(), 2, "{kept:?}");
    let installed: Vec<_> = kept.iter().filter(|checkpoint| checkpoint["standing"] == "installed").collect();
    let made = [&trained, &adapted].into_iter().find(|made| made["installed"] == true);
    assert_eq!(installed.first().map(|c| &c["id"]), made.map(|made| &made["checkpoint"]), "{kept:?}");
    let ran = at(&["store", "rollback", "here"]);
    match made.is_some() {
        true => assert!(ran.well().out.starts_with("here: "), "what is installed goes back"),
        false => assert!(ran.failed().contains("`here`: no checkpoint is installed"), "{}", ran.err),
    }
}

/// A cost model is trained on measured programs, and a tuner goes on from it.
#[test]
fn a_cost_model_is_trained_and_tunes() {
    let folder = tiny();
    let here = folder.path();
    let collected = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/programs");
    let mut files: Vec<_> = fs::read_dir(&collected).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".jsonl.gz"));
    // The smallest lower in no time.
    files.sort_by_key(|path| (fs::metadata(path).unwrap().len(), path.clone()));
    fs::create_dir(here.join("programs")).unwrap();
    for path in &files[..10] {
        fs::copy(path, here.join("programs").join(path.file_name().unwrap())).unwrap();
    }
    let config = "data = 'programs'\nfeatures = 'program-nest-graph'\nloss = 'lambda-rank'\nmetric = 'opa'\nepochs = 1\n\
                  [model]\nkind = 'gtuner'\n";
    fs::write(here.join("gtuner.toml"), config).unwrap();
    let text = run_in(here, &["train", "--config", "gtuner.toml", "--out", "run"]).well().out;
    assert!(text.contains("8 tasks, seed 0") && text.contains("ordered pairs"), "{text}");
    let tune = |tuner: &str, more: &[&str]| {
        let args = ["tune", "tiny.onnx", "--bind", "batch=1", "--store", "s.sqlite", "--trials", "1", "--tuner", tuner];
        run_in(here, &[&args[..], more].concat())
    };
    let checkpoint = ["--checkpoint", "run/best.safetensors"];
    tune("gtuner", &checkpoint).well();
    let other = tune("gtuner-sage", &checkpoint);
    assert!(other.failed().contains("run/best.safetensors: another network"), "{}", other.err);
    assert!(tune("ansor", &checkpoint).failed().contains("is no network"), "trees start from no checkpoint");
    // The folder is what is wrong.
    fs::write(here.join("none.toml"), config.replace("'programs'", "'nowhere'")).unwrap();
    let none = run_in(here, &["train", "--config", "none.toml", "--out", "other"]);
    assert!(none.failed().starts_with("error: nowhere: "), "{}", none.err);
}
