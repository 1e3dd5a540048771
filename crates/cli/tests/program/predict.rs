//! `predict` and `choose`.

use tachograph_ir::Dim;

use crate::{EFFICIENTNET, RESNET, run, run_in, write_model};

#[test]
fn without_a_device_the_first_line_says_whose_time_it_is() {
    let ran = run(&["predict", RESNET]).well();
    let first = ran.out.lines().next().unwrap();
    assert!(first.starts_with("device      "), "{first}");
    assert!(
        first.contains("; no checkpoint knows this machine, so this is not its time)")
            || first.contains("; this machine)"),
        "{first}"
    );
    assert!(!ran.out.lines().any(|line| line.starts_with("range ")), "an interval is one by whatever it is known");
    for name in ["predicted ", "interval ", "checkpoint ", "trained on ", "costliest operators"] {
        assert!(ran.out.lines().any(|line| line.starts_with(name)), "{}", ran.out);
    }
}

#[test]
fn names_of_devices_are_taken_as_people_write_them() {
    let latency = |device: &str| {
        let line =
            run(&["predict", RESNET, "--device", device, "--bind", "batch=64", "--json"]).well().json().remove(0);
        (line["device"].clone(), line["latency_ms"].clone())
    };
    let first = latency("rtx4090");
    assert_eq!(latency("NVIDIA GeForce RTX 4090"), first);
    assert_eq!(latency("RTX 4090"), first);
    let ran = run(&["predict", RESNET, "--device", "rtx4090", "--device", "RTX 4090", "--json"]).well();
    assert_eq!(ran.json().len(), 1, "{}", ran.out);
}

#[test]
fn several_models_on_several_devices() {
    let args = ["predict", RESNET, EFFICIENTNET, "--device", "h100", "--device", "rtx4090", "--bind", "batch=32"];
    let table = run(&args).well();
    let rows: Vec<&str> = table.out.lines().filter(|line| line.contains(".onnx.gz")).collect();
    assert_eq!(rows.len(), 4, "{}", table.out);
    assert!(!table.out.contains("measured here"), "{}", table.out);
    let lines = run(&[&args[..], &["--json"]].concat()).well().json();
    assert_eq!(lines.len(), 4);
    for line in &lines {
        assert!(line["latency_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{line}");
        assert_eq!((line["batch"].as_u64(), line["this_machine"].as_bool()), (Some(32), Some(false)));
        for key in ["model", "ran_on", "checkpoint", "trained_on", "shares_of"] {
            assert!(line[key].is_string(), "{key}: {line}");
        }
        let h100 = line["device"] == "h100-sxm";
        assert_eq!(line["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 10_000_000), h100, "{line}");
        assert_eq!(line["energy_j"].as_f64().is_some_and(|joules| joules > 0.0), h100, "{line}");
        // The H100 has an interval where something of the network was never seen there, from the device's limits.
        let interval = !h100 || line["outside"].as_array().is_some_and(|outside| !outside.is_empty());
        assert_eq!(line["interval_low_ms"].as_f64() < line["interval_high_ms"].as_f64(), interval, "{line}");
    }
}

#[test]
fn one_that_fails_does_not_keep_the_others() {
    let ran = run(&["predict", "nosuch.onnx", RESNET, "--device", "h100"]);
    assert!(ran.failed().contains("nosuch.onnx"), "{}", ran.err);
    assert!(ran.out.contains(RESNET), "{}", ran.out);
}

#[test]
fn an_unknown_device_is_told_what_to_do() {
    let ran = run(&["predict", RESNET, "--device", "h200"]);
    let message = ran.failed();
    assert!(message.contains("unknown device `h200`"), "{message}");
    assert!(ran.err.contains("h100-sxm (peak, bandwidth and memory within a factor of"), "{}", ran.err);
    assert!(ran.err.contains("tachograph transfer mine.csv --device h200 MODEL"), "{}", ran.err);
    assert!(ran.err.contains("`tachograph devices` lists all"), "{}", ran.err);
    assert_eq!((ran.out.as_str(), ran.err.lines().count()), ("", 1));
}

/// A slip in the name of a device that only a device file knows: that one is offered, and what is near it.
#[test]
fn a_device_that_was_meant_is_offered() {
    let ran = run(&["predict", RESNET, "--device", "jetson orin"]);
    let message = ran.failed();
    assert!(message.contains("unknown device `jetson orin`; did you mean `jetson-agx-orin`, which no"), "{message}");
    assert!(message.contains("within a factor of") && message.contains("--device 'jetson orin' MODEL"), "{message}");
    let message = run(&["predict", RESNET, "--device", "Jetson Orin-Nano"]).failed().to_owned();
    assert!(message.contains("within a factor of") && !message.contains("did you mean"), "{message}");
}

/// The processor of this machine, where no checkpoint knows it: one error that says what to do.
#[test]
fn this_machine_unmeasured_is_told_what_to_do() {
    let line = run(&["predict", RESNET, "--json"]).well().json().remove(0);
    let ran = run(&["predict", RESNET, "--device", "cpu"]);
    match line["this_machine"] == true {
        true => assert_eq!(ran.code, 0, "{}", ran.err),
        false => {
            let message = ran.failed();
            assert!(message.contains("nothing was measured on this machine yet ("), "{message}");
            assert!(message.contains("`profile` measures here") && !message.contains("unknown device"), "{message}");
            assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        }
    }
}

#[test]
fn a_checkpoint_by_name_or_file() {
    let line = run(&["predict", RESNET, "--checkpoint", "nnlp-cpu", "--json"]).well().json().remove(0);
    assert_eq!((line["checkpoint"].as_str(), line["device"].as_str()), (Some("nnlp-cpu"), Some("xeon-spr-1t")));
    let ran = run(&["predict", RESNET, "--checkpoint", RESNET]);
    assert!(ran.failed().contains(RESNET), "{}", ran.err);
    let ran = run(&["predict", RESNET, "--checkpoint", "nosuch"]);
    assert!(ran.failed().contains("no bundled checkpoint `nosuch`"), "{}", ran.err);
}

#[test]
fn the_page_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    let path = path.to_str().unwrap();
    run(&["predict", RESNET, "--device", "rtx4090", "--html", path]).well();
    let html = std::fs::read_to_string(path).unwrap();
    assert!(html.contains("light_resnet50") && html.contains("rtx4090"));
    let ran = run(&["predict", RESNET, EFFICIENTNET, "--html", path]);
    assert!(ran.failed().contains("one model on one device"), "{}", ran.err);
}

#[test]
fn the_best_batch_within_a_budget() {
    let args = ["choose", RESNET, "--over", "batch=1,2,4,8,16", "--device", "h100", "--time-ms", "4.5"];
    let line = run(&[&args[..], &["--json"]].concat()).well().json().remove(0);
    let best = line["best"].as_array().unwrap();
    assert!(!best.is_empty() && best.len() as u64 == line["fitting"].as_u64().unwrap());
    assert_eq!(line["fitting"].as_u64().unwrap() + line["beyond"].as_u64().unwrap(), 5);
    assert!(best.iter().all(|one| one["latency_ms"].as_f64().unwrap() <= 4.5));
    let rates: Vec<f64> = best.iter().map(|one| one["samples_per_s"].as_f64().unwrap()).collect();
    assert!(rates.windows(2).all(|pair| pair[0] >= pair[1]), "{rates:?}");
    assert_eq!(line["memory_from"], "prediction");
    let text = run(&args).well().out;
    assert!(text.lines().next().unwrap().contains("h100-sxm"), "{text}");
    assert!(!text.contains("DIPPM") && line["a100_slice"].is_null(), "{text}");
    let ran = run(&["choose", RESNET, "--over", "depth=1,2"]);
    assert!(ran.failed().contains("`depth` cannot be bound"), "{}", ran.err);
}

#[test]
fn what_is_no_axis_is_bound_or_taken_at_1() {
    let folder = tempfile::tempdir().unwrap();
    let dims = vec![Dim::Free("batch".into()), 3.into(), Dim::Free("rows".into()), Dim::Free("columns".into())];
    write_model(folder.path(), "open.onnx", dims, 8);
    let choose = ["choose", "open.onnx", "--device", "h100", "--over", "rows=32,64"];
    let ran = run_in(folder.path(), &choose);
    assert!(
        ran.failed().contains("open without a value: `columns` (axis 3 of `x`); bind such as --bind 'columns=224'"),
        "{}",
        ran.err
    );
    let choose = [&choose[..], &["--bind", "columns=64"]].concat();
    let line = run_in(folder.path(), &[&choose[..], &["--json"]].concat()).well().json().remove(0);
    assert_eq!(line["fitting"], 2, "{line}");
    let expected = |rows: u64| serde_json::json!({ "batch": 1, "columns": 64, "rows": rows });
    let best: Vec<_> = line["best"].as_array().unwrap().iter().map(|one| one["configuration"].clone()).collect();
    assert!(best.contains(&expected(32)) && best.contains(&expected(64)), "{line}");
    let ran = run_in(folder.path(), &choose).well();
    assert_eq!(ran.err.matches("`batch` is open in the file and taken at 1").count(), 1, "{}", ran.err);
    assert!(line["warnings"][0].as_str().unwrap().starts_with("`batch` is open"), "{line}");
}

#[test]
fn choose_fails_where_all_are_refused() {
    let ran = run(&["choose", RESNET, "--over", "batch=0", "--device", "h100"]);
    assert!(ran.failed().contains("all 1 configurations are refused, such as batch=0: "), "{}", ran.err);
    assert!(!ran.out.contains("within the budget"), "{}", ran.out);
    let ran = run(&["choose", RESNET, "--over", "batch=0,1", "--device", "h100", "--time-ms", "0.0001"]).well();
    assert!(ran.out.contains("none is within the budget"), "{}", ran.out);
}

#[test]
fn choose_warns_as_predict_does() {
    let warnings = |verb: &[&str]| run(&[verb, &["--device", "h100", "--json"]].concat()).well().json().remove(0);
    let large = "batch=100000";
    let predicted = warnings(&["predict", RESNET, "--bind", large])["warnings"].clone();
    assert!(predicted.to_string().contains("far outside the"), "{predicted}");
    assert_eq!(warnings(&["choose", RESNET, "--over", large])["warnings"], predicted);
    let over = format!("{large},200000");
    let ran = run(&["choose", RESNET, "--over", &over, "--device", "h100"]).well();
    let times = |what: &str| ran.err.matches(what).count();
    assert_eq!((times("batch 100000 is far outside the"), times("batch 200000")), (1, 0), "{}", ran.err);
}

#[test]
fn choose_knows_devices_by_any_name() {
    let device = |args: &[&str]| {
        let args = [&["choose", RESNET, "--over", "batch=1..=2", "--json", "--device"], args].concat();
        run(&args).well().json().remove(0)["device"].as_str().unwrap().to_owned()
    };
    let predicted = run(&["predict", RESNET, "--json", "--device", "RTX 4090"]).well().json().remove(0);
    assert_eq!(predicted["device"].as_str(), Some(device(&["rtx4090"]).as_str()));
    assert_eq!(device(&["RTX-4090", "--checkpoint", "timm"]), device(&["rtx4090"]));
    assert_eq!(device(&["H100"]), "h100-sxm");
    let ran = run(&["choose", RESNET, "--over", "batch=1", "--device", "h200"]);
    assert!(ran.failed().contains("unknown device `h200`; nearest are h100-sxm"), "{}", ran.err);
}
