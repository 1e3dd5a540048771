//! Checkpoints: what they keep, and what damage does.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use safetensors::{SafeTensors, tensor::TensorView};
use tachograph_features::{FeatureSet, Featurizer};
use tachograph_ir::Quantity;
use tachograph_models::{ModelConfig, OperatorSumConfig};
use tachograph_predict::{FORMAT, Manifest, NetworkSpec, Output, Training, torch::TorchPredictor};
use tch::Device;

use crate::data::{graph, ms, operator_sum};

pub fn manifest() -> Manifest {
    Manifest {
        format: FORMAT,
        library: "0.1.0".into(),
        model: NetworkSpec::of(&ModelConfig::from(OperatorSumConfig { hidden: 8, layers: 2 })).unwrap(),
        members: 1,
        featurizer: Featurizer::fit(FeatureSet::COSTS, &[&graph()]).unwrap(),
        outputs: ["one", "two"].map(device).into(),
        training: Training {
            data: "nowhere".into(),
            fingerprint: "none".into(),
            networks: 1,
            split: "none".into(),
            seed: 0,
            epoch: 1,
            validation_mape: Some(10.0),
            range_ms: (1.0, 2.0),
        },
    }
}

fn device(name: &str) -> Output {
    Output::new(name, Quantity::Latency)
}

fn saved(dir: &Path) -> (PathBuf, TorchPredictor) {
    let predictor = TorchPredictor::untrained(manifest(), Device::Cpu).unwrap();
    let path = dir.join("model.safetensors");
    predictor.save(&path).unwrap();
    (path, predictor)
}

fn predictions(predictor: &TorchPredictor) -> [u64; 2] {
    [0, 1].map(|d| ms(predictor, &graph(), d).to_bits())
}

/// The message of a failed load, which must name the file.
#[track_caller]
fn refusal(path: &Path) -> String {
    let message = TorchPredictor::load(path, Device::Cpu).unwrap_err().to_string();
    assert!(message.contains(&path.display().to_string()), "{message}");
    message
}

#[test]
fn a_checkpoint_predicts_the_same_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let (path, predictor) = saved(dir.path());
    let loaded = TorchPredictor::load(&path, Device::Cpu).unwrap();
    assert_eq!(loaded.manifest(), predictor.manifest());
    assert_eq!(predictions(&loaded), predictions(&predictor));
    assert_ne!(predictions(&loaded)[0], predictions(&loaded)[1]);
}

#[test]
fn devices_are_found_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let (_, predictor) = saved(dir.path());
    let find = |name| predictor.manifest().output(name, Quantity::Latency);
    assert_eq!((find(None).unwrap().index(), find(Some("two")).unwrap().index()), (0, 1));
    let message = find(Some("three")).unwrap_err().to_string();
    assert_eq!(message, "unknown device `three`; known: one, two");
    assert!(predictor.manifest().id(2).is_err());
}

#[test]
fn no_flipped_byte_changes_a_prediction() {
    let dir = tempfile::tempdir().unwrap();
    let (path, predictor) = saved(dir.path());
    let (whole, expected) = (fs::read(&path).unwrap(), predictions(&predictor));
    let (mut refused, mut tried) = (0, 0);
    // Every byte of the length, then one of 101.
    for at in (0..8).chain((8..whole.len()).step_by(101)) {
        for mask in [0x01, 0x20, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= mask;
            fs::write(&path, &bytes).unwrap();
            tried += 1;
            match TorchPredictor::load(&path, Device::Cpu) {
                Ok(loaded) => assert_eq!(predictions(&loaded), expected, "byte {at}"),
                Err(_) => {
                    refusal(&path);
                    refused += 1;
                }
            }
        }
    }
    assert!(tried > 100 && refused * 100 >= tried * 99, "{refused} of {tried} refused");
}

#[test]
fn a_cut_file_is_refused_wherever_it_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (path, _) = saved(dir.path());
    let whole = fs::read(&path).unwrap();
    for length in (0..9).chain((9..whole.len()).step_by(211)).chain([whole.len() - 1]) {
        fs::write(&path, &whole[..length]).unwrap();
        refusal(&path);
    }
    fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
    refusal(&path);
}

#[test]
fn other_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other");
    refusal(&path);
    fs::write(&path, [0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0]).unwrap();
    refusal(&path);
    let values = [0u8; 8];
    let view = TensorView::new(safetensors::Dtype::F32, vec![2], &values).unwrap();
    fs::write(&path, safetensors::serialize([("w", view)], None).unwrap()).unwrap();
    assert!(refusal(&path).contains("not a checkpoint of this library"));
}

#[test]
fn a_newer_format_is_refused_by_number() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new.safetensors");
    let newer = Manifest { format: FORMAT + 1, ..manifest() };
    TorchPredictor::untrained(newer, Device::Cpu).unwrap().save(&path).unwrap();
    assert!(refusal(&path).contains(&format!("format {}; this library reads up to {FORMAT}", FORMAT + 1)));
}

/// Writes a file as docs/checkpoints.md describes it, with a right checksum.
fn rewrite(path: &Path, manifest: impl Fn(&str) -> String, change: impl Fn(&str, Vec<usize>) -> Option<Vec<usize>>) {
    let bytes = fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let manifest = manifest(&header.metadata().as_ref().unwrap()["tachograph"]);
    let parsed = SafeTensors::deserialize(&bytes).unwrap();
    let mut rows: Vec<(String, Vec<usize>, &[u8])> = parsed
        .tensors()
        .into_iter()
        .filter_map(|(name, view)| {
            let shape = change(&name, view.shape().to_vec())?;
            Some((name, shape, view.data()))
        })
        .collect();
    rows.sort();
    let mut sum = crc32fast::Hasher::new();
    sum.update(manifest.as_bytes());
    for (name, shape, data) in &rows {
        sum.update(name.as_bytes());
        shape.iter().for_each(|&n| sum.update(&(n as u64).to_le_bytes()));
        sum.update(data);
    }
    let sum = format!("{:08x}", sum.finalize());
    let metadata = HashMap::from([("tachograph".into(), manifest), ("crc32".into(), sum)]);
    let views = rows
        .into_iter()
        .map(|(name, shape, data)| (name, TensorView::new(safetensors::Dtype::F32, shape, data).unwrap()));
    fs::write(path, safetensors::serialize(views, Some(metadata)).unwrap()).unwrap();
}

#[test]
fn a_missing_or_misshapen_weight_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let (path, predictor) = saved(dir.path());
    rewrite(&path, str::to_owned, |_, shape| Some(shape));
    assert_eq!(predictions(&TorchPredictor::load(&path, Device::Cpu).unwrap()), predictions(&predictor));
    rewrite(&path, str::to_owned, |name, shape| {
        let turned: Vec<usize> = shape.iter().rev().copied().collect();
        Some(if name == "graph.0.lin_l.weight" { turned } else { shape })
    });
    assert!(refusal(&path).contains("weight `graph.0.lin_l.weight`: is"));
    rewrite(&path, str::to_owned, |name, shape| {
        (name != "heads.1.2.bias" && name != "graph.0.lin_l.weight").then_some(shape)
    });
    let message = refusal(&path);
    assert!(message.contains("is missing"), "{message}");
}

#[test]
fn predictions_are_in_milliseconds_whatever_the_network_learned_in() {
    let dir = tempfile::tempdir().unwrap();
    let (path, predictor) = saved(dir.path());
    // As format 2 said it: one target for every head.
    let scale = |text: &str| {
        assert!(text.starts_with(r#"{"format":5,"#), "{text}");
        text.replacen(r#"{"format":5,"#, r#"{"format":2,"target":{"scale":4.0},"#, 1)
    };
    rewrite(&path, scale, |_, shape| Some(shape));
    let scaled = TorchPredictor::load(&path, Device::Cpu).unwrap();
    assert!(scaled.manifest().outputs.iter().all(|d| d.target.scale == 4.0));
    let [one, four] = [&predictor, &scaled].map(|p| ms(p, &graph(), 0));
    assert_eq!(four, 4.0 * one);
    let total = operator_sum(&scaled, &graph(), 0).unwrap();
    assert!((total / four - 1.0).abs() < 1e-5);
}

#[test]
fn outputs_are_found_by_device_and_quantity_and_predicted_together() {
    let outputs = [Quantity::Latency, Quantity::Memory].map(|quantity| Output::new("one", quantity));
    let manifest = Manifest { outputs: outputs.into(), ..manifest() };
    let predictor = TorchPredictor::untrained(manifest, Device::Cpu).unwrap();
    let [latency, memory] =
        [Quantity::Latency, Quantity::Memory].map(|q| predictor.manifest().output(Some("one"), q).unwrap());
    assert_eq!((latency.index(), memory.index()), (0, 1));
    let message = predictor.manifest().output(Some("one"), Quantity::Energy).unwrap_err().to_string();
    assert_eq!(message, "unknown device `one`; known: one, one memory");
    let features = predictor.manifest().featurizer.featurize(&graph()).unwrap();
    let together = predictor.predict_outputs(&[&features; 70], &[memory, latency]).unwrap();
    let alone = [memory, latency].map(|output| predictor.predict_all(&[&features; 70], output).unwrap());
    assert_eq!(together, alone);
}
