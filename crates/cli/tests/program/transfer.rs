//! `transfer` by rates and by a device like it.

use std::path::Path;

use crate::{image, run_in, write_model};

/// Ten models, and a device that takes a hundredth of a millisecond for each channel on top of one millisecond; another that
/// takes half of that; a third that measured only three.
fn measurements(folder: &Path) {
    let mut table = "file,device,latency_ms\n".to_owned();
    for i in 1..=10_u32 {
        let channels = 16 * i;
        write_model(folder, &format!("m{i}.onnx"), image("batch", 64), channels.into());
        let ms = 1.0 + 0.01 * f64::from(channels);
        table += &format!("m{i}.onnx,old,{ms}\nm{i}.onnx,twice,{}\n", 0.5 * ms);
        if i % 4 == 1 {
            table += &format!("m{i}.onnx,new,{}\n", 0.5 * ms);
        }
    }
    std::fs::write(folder.join("mine.csv"), table).unwrap();
    write_model(folder, "large.onnx", image("batch", 64), 320);
}

#[test]
fn by_rates() {
    let folder = tempfile::tempdir().unwrap();
    measurements(folder.path());
    let args = ["transfer", "mine.csv", "--device", "old", "--device", "twice", "large.onnx", "--json"];
    let ran = run_in(folder.path(), &args).well();
    let lines = ran.json();
    assert_eq!((lines.len(), lines[0]["by"].as_str(), lines[0]["measurements"].as_u64()), (2, Some("rates"), Some(10)));
    assert!(ran.err.contains("`batch` is open in the file and taken at 1"), "{}", ran.err);
    for (line, expected) in lines.iter().zip([4.2, 2.1]) {
        let prediction = &line["predictions"][0];
        let ms = prediction["latency_ms"].as_f64().unwrap();
        assert!((ms / expected - 1.0).abs() < 0.25, "{prediction}");
        assert!(
            prediction["interval_low_ms"].as_f64() < Some(ms) && prediction["interval_high_ms"].as_f64() > Some(ms)
        );
        assert!(line["mape_percent"].as_f64().is_some_and(|mape| mape < 20.0), "{line}");
    }
    let ran = run_in(folder.path(), &args[..4]).well();
    assert_eq!(ran.err, "warning: nothing is predicted, since no MODEL is given\n");
    let text = ran.out;
    assert!(text.contains("old: by rates from 10 measurements\npredicted from each other: MAPE "), "{text}");
}

#[test]
fn by_a_device_like_it() {
    let folder = tempfile::tempdir().unwrap();
    measurements(folder.path());
    let args = ["transfer", "mine.csv", "--like", "old", "--device", "new", "--json"];
    let line = run_in(folder.path(), &args).well().json().remove(0);
    assert_eq!((line["by"].as_str(), line["measurements"].as_u64()), (Some("relative"), Some(3)));
    let predictions = line["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 7);
    for one in predictions {
        let i: f64 = one["model"].as_str().unwrap().trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
        let ms = one["latency_ms"].as_f64().unwrap();
        assert!((ms / (0.5 + 0.08 * i) - 1.0).abs() < 0.05, "{one}");
    }
    let ran = run_in(folder.path(), &[&args[..], &["large.onnx"]].concat()).well();
    assert!(ran.err.contains("warning: relative predicts the networks of the measurements alone"), "{}", ran.err);
    let ran = run_in(folder.path(), &["transfer", "mine.csv", "--like", "old", "--device", "twice"]).well();
    assert_eq!(ran.err, "warning: no network is left to predict: all were measured on `twice`\n");
    let plan = run_in(folder.path(), &["transfer", "mine.csv", "--like", "old", "--plan", "4"]).well().out;
    assert_eq!(plan.lines().count(), 4, "{plan}");
    assert!(plan.lines().all(|line| line.starts_with('m') && line.ends_with(" at batch 1")), "{plan}");
}

#[test]
fn what_does_not_fit_is_said() {
    let folder = tempfile::tempdir().unwrap();
    measurements(folder.path());
    let failed = |args: &[&str], what: &str| {
        let ran = run_in(folder.path(), args);
        assert!(ran.failed().contains(what), "{args:?}: {}", ran.err);
    };
    failed(
        &["transfer", "mine.csv", "--device", "other", "large.onnx"],
        "no measurement of `other`: there are `new`, `old`, `twice`",
    );
    failed(&["transfer", "nosuch.csv", "--device", "old", "large.onnx"], "nosuch.csv");
    failed(&["transfer", "mine.csv", "--device", "old", "nosuch.onnx"], "nosuch.onnx");
    failed(&["transfer", "mine.csv", "--device", "old", "--by", "relative"], "--by relative needs --like DEVICE");
    failed(&["transfer", "mine.csv", "--plan", "3"], "--plan needs --like DEVICE or --by checkpoint");
    failed(
        &["transfer", "mine.csv", "--like", "old", "--plan", "30"],
        "--plan 30: the measurements hold 10 networks to choose from",
    );
    std::fs::write(folder.path().join("none.csv"), "file,device,latency_ms\n").unwrap();
    failed(&["transfer", "none.csv", "--device", "d"], "none.csv: holds no time of any inference");
    std::fs::write(folder.path().join("lost.csv"), "file,device,latency_ms\nlost.onnx,d,2\n").unwrap();
    let ran = run_in(folder.path(), &["transfer", "lost.csv", "--device", "d", "large.onnx"]);
    assert_eq!(ran.failed(), "error: lost.csv: no graph of `lost.onnx`: lost.onnx is not there");
    let ran =
        run_in(folder.path(), &["transfer", "mine.csv", "--device", "old", "--bind", "batch=1,batch=2", "large.onnx"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (2, "", "error: --bind gives `batch` twice\n"));
    let help = run_in(folder.path(), &["transfer", "--help"]).well().out;
    assert!(help.contains("Which way (--by), in short; the page is docs/adaptation.md"), "{help}");
}

#[test]
fn a_device_by_its_name_in_any_case_and_repeated_rows() {
    let folder = tempfile::tempdir().unwrap();
    measurements(folder.path());
    let path = folder.path().join("mine.csv");
    let table = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        table.replace("file,device,latency_ms", "file;device ; latency_ms").replace(',', ";") + "m1.onnx;old;99\n",
    )
    .unwrap();
    let ran = run_in(folder.path(), &["transfer", "mine.csv", "--device", "OLD", "large.onnx"]).well();
    assert!(ran.err.contains("1 measurement of what was measured before: the fastest of each stands"), "{}", ran.err);
    assert!(ran.out.contains("by rates from 10 measurements"), "{}", ran.out);
}
