//! `sample` and `label`.

use std::{fs, io::Read, path::Path, process::Command};

use serde_json::Value;

use crate::{run, run_in};

/// As many networks of every space as `count` says, in the folder `files`.
fn sampled(folder: &Path, count: &str) {
    let line = run_in(folder, &["sample", "files", "--count", count, "--json"]).well().json().remove(0);
    assert_eq!(
        line["networks"].as_u64().map(|n| n.to_string()).as_deref(),
        Some(&*format!("{}", 4 * count.parse::<u64>().unwrap()))
    );
}

#[test]
fn samples_are_files_that_inspect_reads() {
    let folder = tempfile::tempdir().unwrap();
    sampled(folder.path(), "2");
    let ran = run_in(folder.path(), &["inspect", "files/edge-audio.1.1.tflite.gz"]).well();
    assert!(ran.out.contains("edge-audio.1.1"), "{}", ran.out);
    // The same seed gives the same bytes, another weight other bytes of the same length.
    let bytes = |name: &str| {
        let mut plain = Vec::new();
        let file = fs::File::open(folder.path().join(name).join("edge-superres.1.0.tflite.gz")).unwrap();
        flate2::read::GzDecoder::new(file).read_to_end(&mut plain).unwrap();
        plain
    };
    run_in(folder.path(), &["sample", "again", "--count", "1", "--space", "edge-superres"]).well();
    run_in(folder.path(), &["sample", "zero", "--count", "1", "--space", "edge-superres", "--weights", "zero"]).well();
    assert_eq!(bytes("files"), bytes("again"));
    assert_ne!(bytes("files"), bytes("zero"));
    assert_eq!(bytes("files").len(), bytes("zero").len());
    let ran = run_in(folder.path(), &["sample", "x", "--space", "edge-nothing"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
}

/// What makes no sense is said before anything is installed or written.
#[test]
fn what_cannot_be_labelled() {
    let folder = tempfile::tempdir().unwrap();
    let label = |more: &[&str]| {
        let args = [&["label", "files", "--out", "set", "--with", "vela"][..], more].concat();
        run_in(folder.path(), &args)
    };
    assert!(label(&[]).failed().contains("files: no folder"));
    fs::create_dir(folder.path().join("files")).unwrap();
    let message = label(&["--accelerator", "ethos-u55-127"]);
    assert!(message.failed().contains("accelerator `ethos-u55-127`"), "{}", message.err);
    let message = label(&["--system-config", "Ethos_U65_High_End"]);
    assert!(message.failed().contains("system configuration `Ethos_U65_High_End`"), "{}", message.err);
    assert!(label(&["--memory-mode", "Nowhere"]).failed().contains("memory mode `Nowhere`"));
    assert!(!folder.path().join("set").exists());
    let line = run(&["label", "--list", "--with", "vela", "--json"]).well().json().remove(0);
    let count = |key: &str| line[key].as_array().map(Vec::len);
    assert_eq!((count("accelerators"), count("system_configs"), count("memory_modes")), (Some(11), Some(11), Some(6)));
}

/// Vela says of a file of `models/tflite` what the published table says, to the last digit; a second run has nothing to do,
/// one that is killed goes on, and a file that is none is a record with the reason.
#[test]
#[ignore = "installs ethos-u-vela from PyPI, and needs TACHOGRAPH_DATA and TACHOGRAPH_MODELS"]
fn labels_of_vela_with_data_and_pypi() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    fs::create_dir(&files).unwrap();
    let models = std::env::var("TACHOGRAPH_MODELS").unwrap();
    for name in ["kws_ds_cnn_int8", "mobilenet_v2_0.35_96_int8", "ad_autoencoder_f32"] {
        let file = format!("{name}.tflite.gz");
        fs::copy(Path::new(&models).join("tflite").join(&file), files.join(&file)).unwrap();
    }
    fs::write(files.join("broken.tflite"), "TFL3 it is not").unwrap();
    let args =
        ["label", "files", "--out", "set", "--with", "vela", "--accelerator", "ethos-u55-128,ethos-u85-256", "--json"];
    let lines = run_in(folder.path(), &args).well().json();
    for (line, device) in lines.iter().zip(["ethos-u55-128", "ethos-u85-256"]) {
        assert_eq!(
            (line["device"].as_str(), line["labels"].as_u64(), line["refused"].as_u64()),
            (Some(device), Some(2), Some(2))
        );
    }
    let refused = fs::read_to_string(folder.path().join("set/refusals/ethos-u55-128.jsonl")).unwrap();
    let refused: Vec<Value> = refused.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(refused.iter().any(|r| r["network"] == "file:broken"), "{refused:?}");
    // A network of floats runs on the CPU, whole.
    let float = refused.iter().find(|r| r["network"] == "file:ad_autoencoder_f32").unwrap();
    assert!(float["reason"].as_str().is_some_and(|why| why.contains("no operator runs on the accelerator")), "{float}");

    let table =
        fs::read_to_string(Path::new(&std::env::var("TACHOGRAPH_DATA").unwrap()).join("vela/vela.csv")).unwrap();
    let expected = |model: &str, accelerator: &str| {
        let start = format!("{model},{accelerator},");
        let row: Vec<&str> = table.lines().find(|line| line.starts_with(&start)).unwrap().split(',').collect();
        (
            row[5].parse::<f64>().unwrap() * 1e3,
            row[9].parse::<f64>().unwrap() as u64,
            row[11].parse::<f64>().unwrap() as u64,
        )
    };
    let set = tachograph_datasets::DataSet::open(folder.path().join("set")).unwrap();
    assert_eq!(set.records().len(), 4);
    for record in set.records() {
        let model = record.network.to_string().replace("file:", "");
        let estimate = record.estimate.as_ref().unwrap();
        let (ms, macs, cycles) = expected(&model, &record.device);
        assert!((record.median_ms.unwrap() / ms - 1.0).abs() < 1e-9, "{model}");
        assert_eq!((estimate.macs, estimate.total_cycles), (macs, cycles), "{model} on {}", record.device);
    }
    let again = run_in(folder.path(), &args).well().json();
    assert_eq!(lines, again);
}

/// Killed in the middle, the same command goes on and ends with what an undisturbed one does.
#[test]
#[ignore = "installs ethos-u-vela from PyPI"]
fn labelling_goes_on_after_a_kill_with_pypi() {
    let folder = tempfile::tempdir().unwrap();
    sampled(folder.path(), "12");
    let args = |set| ["label", "files", "--out", set, "--with", "vela", "--json", "--workers", "1"];
    let mut child =
        Command::new(env!("CARGO_BIN_EXE_tachograph")).args(args("set")).current_dir(folder.path()).spawn().unwrap();
    let begun = folder.path().join("set/measurements/ethos-u55-128.jsonl");
    let lines = || fs::read_to_string(&begun).map_or(0, |text| text.lines().count());
    while lines() < 3 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let left = lines();
    assert!((3..48).contains(&left), "{left}");
    let ended = run_in(folder.path(), &args("set")).well().json().remove(0);
    let whole = run_in(folder.path(), &args("whole")).well().json().remove(0);
    assert_eq!((&ended["labels"], &ended["refused"]), (&whole["labels"], &whole["refused"]));
    let records = |set: &str| {
        let set = tachograph_datasets::DataSet::open(folder.path().join(set)).unwrap();
        let mut times: Vec<_> =
            set.records().iter().map(|r| (r.network.clone(), r.median_ms.map(f64::to_bits))).collect();
        times.sort();
        times
    };
    assert_eq!(records("set"), records("whole"));
}

/// The interpreter runs networks of every space, with and without XNNPACK, and floats too.
#[test]
#[ignore = "installs ai-edge-litert from PyPI, and needs TACHOGRAPH_MODELS"]
fn times_of_litert_with_data_and_pypi() {
    let folder = tempfile::tempdir().unwrap();
    sampled(folder.path(), "2");
    let float = "ad_autoencoder_f32.tflite.gz";
    let models = std::env::var("TACHOGRAPH_MODELS").unwrap();
    fs::copy(Path::new(&models).join("tflite").join(float), folder.path().join("files").join(float)).unwrap();
    let args =
        ["label", "files", "--out", "set", "--with", "tflite", "--xnnpack", "on,off", "--seconds", "0.05", "--json"];
    let lines = run_in(folder.path(), &args).well().json();
    assert_eq!(lines.len(), 2);
    for line in &lines {
        assert_eq!((line["labels"].as_u64(), line["refused"].as_u64()), (Some(9), Some(0)), "{line}");
    }
    let set = tachograph_datasets::DataSet::open(folder.path().join("set")).unwrap();
    for record in set.records() {
        assert!(record.estimate.is_none() && record.median_ms.unwrap() > 0.0 && record.peak_bytes.unwrap() > 0);
        let float = record.network.to_string().ends_with("f32");
        assert_eq!(record.dtype == tachograph_ir::DType::F32, float, "{}", record.network);
    }
}
