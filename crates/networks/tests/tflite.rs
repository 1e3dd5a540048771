//! Generated convolutional networks as int8 TFLite files: they survive writing and reading, and others accept them.

use std::{collections::BTreeMap, env, path::PathBuf, process::Command};

use proptest::prelude::*;
use tachograph_import::{load, tflite};
use tachograph_ir::{Assignment, BoundGraph, Graph};
use tachograph_networks::{Family, reference, sample};

const CONVOLUTIONAL: [Family; 10] = [
    Family::AlexNet,
    Family::Vgg,
    Family::ResNet,
    Family::GoogLeNet,
    Family::SqueezeNet,
    Family::MobileNetV2,
    Family::MobileNetV3,
    Family::MnasNet,
    Family::EfficientNet,
    Family::NasBench201,
];

fn bind(graph: &Graph) -> BoundGraph {
    graph.bind(&Assignment::new()).unwrap()
}

/// What writing and reading must keep: arithmetic, and the result's shape.
fn kept(bound: &BoundGraph) -> (u64, Vec<Option<&[u64]>>) {
    let outputs = bound.graph().outputs().iter().map(|&id| bound.shape(id)).collect();
    (bound.cost().unwrap().macs, outputs)
}

fn write(bound: &BoundGraph) -> Vec<u8> {
    tflite::write(bound).unwrap_or_else(|e| panic!("{e}"))
}

fn survives(graph: &Graph) {
    let bound = bind(graph);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.tflite");
    std::fs::write(&path, write(&bound)).unwrap();
    let model = load(&path).unwrap();
    assert!(model.warnings.is_empty(), "{}: {:?}", graph.name(), model.warnings);
    let back = bind(&model.graph);
    assert_eq!(kept(&back), kept(&bound), "{}", graph.name());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_networks_survive(family in prop::sample::select(&CONVOLUTIONAL[..]), seed in 0..1000u64, index in 0..50u64) {
        survives(&sample(family, seed, index).unwrap().graph);
    }
}

#[test]
fn published_networks_survive() {
    for (name, graph) in reference() {
        if ["vit", "bert", "gpt2"].iter().any(|prefix| name.starts_with(prefix)) {
            let error = tflite::write(&bind(&graph)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name}: node ")), "{error}");
        } else {
            survives(&graph);
        }
    }
}

/// Two networks of each family, in files, with their multiply–accumulates.
fn files(folder: &tempfile::TempDir) -> Vec<(PathBuf, u64, Vec<u64>)> {
    let mut files = Vec::new();
    for family in CONVOLUTIONAL {
        for index in 0..2 {
            let bound = bind(&sample(family, 11, index).unwrap().graph);
            let path = folder.path().join(format!("{family}-{index}.tflite"));
            std::fs::write(&path, write(&bound)).unwrap();
            let output = bound.shape(bound.graph().outputs()[0]).unwrap().to_vec();
            files.push((path, bound.cost().unwrap().macs, output));
        }
    }
    files
}

/// The lines that the peer prints, by file.
fn peer(name: &str, files: &[(PathBuf, u64, Vec<u64>)]) -> BTreeMap<String, String> {
    let python = env::var("TACHOGRAPH_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/tflite.py");
    let mut command = Command::new(&python);
    command.arg(script).arg(name).args(files.iter().map(|(path, ..)| path));
    let output = command.output().unwrap_or_else(|error| panic!("{python}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_ne!(output.status.code(), Some(77), "{} (TACHOGRAPH_PYTHON names a Python that has it)", text.trim());
    assert!(output.status.success(), "{name}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().filter_map(|line| line.split_once(' ')).map(|(k, v)| (k.into(), v.into())).collect()
}

fn stem(path: &std::path::Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

#[test]
#[ignore = "needs Python with ai-edge-litert"]
fn the_interpreter_runs_them() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(&folder);
    let shapes = peer("interpreter", &files);
    for (path, _, output) in &files {
        assert_eq!(shapes[&stem(path)], format!("[{output:?}]"), "{}", path.display());
    }
}

/// Vela counts pooling windows, products and means among its multiply–accumulates. It refuses AlexNet, whose first
/// convolution has stride 4, and nothing else.
#[test]
#[ignore = "needs ethos-u-vela"]
fn vela_compiles_them() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(&folder);
    let lines = peer("vela", &files);
    for (path, macs, _) in &files {
        let (stem, line) = (stem(path), &lines[&stem(path)]);
        eprintln!("{stem}: {macs} multiply–accumulates, Vela {line}");
        assert_eq!(line.starts_with("refused"), stem.starts_with("alexnet"), "{stem}: {line}");
    }
}
