//! Measurements of several devices and quantities, from a table beside model files.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use tachograph_datasets::{NetworkId, Part, Record, Run, Writer};
use tachograph_ir::Quantity;
use tachograph_models::{ModelConfig, OperatorSumConfig};
use tachograph_networks::{Family, sample};
use tachograph_predict::torch::TorchPredictor;
use tachograph_train::{BEST, Corpus, Query, RunConfig, SplitConfig, train};
use tch::Device;

use crate::data;

/// A table of the repository's models on two devices, at batch 1 and, on one of them, 4; every third network was not
/// measured on the second device, and memory was on the first alone.
fn table(dir: &Path) -> PathBuf {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/models");
    let mut files: Vec<PathBuf> = fs::read_dir(models).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "gz"));
    files.sort();
    let mut text = "file,device,latency_ms,batch,memory_mb\nmissing.onnx,one,3,1,5\n".to_owned();
    for (i, file) in files.iter().enumerate() {
        let (file, ms) = (file.display(), 1.0 + i as f64);
        writeln!(text, "{file},one,{ms},1,{}", 10.0 * ms).unwrap();
        writeln!(text, "{file},one,{},4,{}", 3.0 * ms, 20.0 * ms).unwrap();
        if i % 3 != 0 {
            writeln!(text, "{file},two,{},1,", 2.0 * ms).unwrap();
            writeln!(text, "{file},two,{},1,", 1.5 * ms).unwrap();
        }
    }
    let path = dir.join("mine.csv");
    fs::write(&path, text).unwrap();
    path
}

fn both() -> Query {
    Query { quantities: vec![Quantity::Latency, Quantity::Memory], ..Query::all() }
}

#[test]
fn devices_share_entries_and_what_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let corpus = Corpus::open(&table(dir.path()), None, &both()).unwrap();
    let titles: Vec<String> = corpus.outputs.iter().map(|o| o.title()).collect();
    assert_eq!(titles, ["one", "one memory", "two"], "nothing is known of the memory of `two`");
    assert!(corpus.left_out.keys().eq(["missing.onnx"]), "{:?}", corpus.left_out);
    let networks = corpus.measured(0).count() / 2;
    assert_eq!((corpus.entries.len(), corpus.measured(1).count()), (2 * networks, 2 * networks));
    let first = &corpus.entries[2];
    assert_eq!((first.batch, first.bound.batch()), (1, 1));
    assert_eq!(first.targets, [2.0, 20.0, 3.0], "the faster of two runs on `two`");
    let four = &corpus.entries[3];
    assert_eq!((four.batch, four.bound.batch()), (4, 4));
    assert!(four.targets[2].is_nan() && four.targets[..2] == [6.0, 40.0]);
    let message = Corpus::open(&table(dir.path()), None, &Query::latency(["three"])).unwrap_err().to_string();
    assert_eq!(message, "unknown device `three`; known: one, two");
    let message = Corpus::open(Path::new("tim"), None, &Query::all()).unwrap_err().to_string();
    assert!(message.contains("`tim`") && message.contains("timm"), "{message}");
}

#[test]
fn one_run_learns_every_output() {
    let dir = tempfile::tempdir().unwrap();
    let config: RunConfig = toml::from_str(&format!(
        "data = {:?}\ndevices = [\"one\", \"two\"]\nquantities = [\"latency\", \"memory\"]\nrate = 0.01\nepochs = 3\n\
         batch = 4\ntarget = \"mean\"",
        table(dir.path()).display().to_string()
    ))
    .unwrap();
    let config = RunConfig { model: ModelConfig::from(OperatorSumConfig { hidden: 8, layers: 1 }), ..config };
    let mut losses = vec![];
    let outcome = train(&config, &dir.path().join("run"), |e| losses.push(e.loss)).unwrap();
    assert!(losses.len() == 3 && losses.iter().all(|l| l.is_finite()), "{losses:?}");
    assert!(outcome.outputs.contains_key("one memory"), "{:?}", outcome.outputs.keys());
    let n: usize = outcome.outputs.values().map(|r| r.n).sum();
    assert_eq!(outcome.predictions.len(), n);
    let predictor = TorchPredictor::load(&dir.path().join("run").join(BEST), Device::Cpu).unwrap();
    let devices = &predictor.manifest().outputs;
    assert_eq!(predictor.manifest().output(Some("one"), Quantity::Memory).unwrap().index(), 1);
    assert!(devices[1].target.scale > devices[0].target.scale && devices[1].range.unwrap().0 >= 10.0, "{devices:?}");
}

#[test]
fn all_batches_of_a_network_are_in_one_part_and_folds_cover_everything() {
    let dir = tempfile::tempdir().unwrap();
    let corpus = Corpus::open(&table(dir.path()), None, &both()).unwrap();
    let mut tested = vec![0; corpus.entries.len()];
    for fold in 0..3 {
        let division = SplitConfig::Fold { folds: 3, fold, families: true, seed: 0 }.divide(&corpus).unwrap();
        division.members(Part::Test).into_iter().for_each(|i| tested[i] += 1);
        for pair in division.parts.chunks(2).zip(corpus.entries.chunks(2)) {
            assert!(pair.1[0].network != pair.1[1].network || pair.0[0] == pair.0[1]);
        }
    }
    assert!(tested.iter().all(|&n| n == 1), "{tested:?}");
    assert!(SplitConfig::Fold { folds: 3, fold: 3, families: true, seed: 0 }.divide(&corpus).is_err());
}

#[test]
fn a_device_may_have_memory_alone() {
    let dir = tempfile::tempdir().unwrap();
    data::proportional(dir.path());
    let run = Run { device: "other-cpu".into(), protocol: "invented".into(), seed: 1 };
    let mut writer = Writer::resume(dir.path(), run).unwrap();
    let network = NetworkId::generated(Family::Vgg.to_string(), 1, 0);
    let timeless = Record { median_ms: None, iqr_ms: None, min_ms: None, repeats: 0, ..data::record(network, 1.0) };
    let record = Record { device: "other-cpu".into(), peak_bytes: Some(5_000_000), ..timeless };
    writer.append(&sample(Family::Vgg, 1, 0).unwrap().graph, &record).unwrap();
    writer.finish().unwrap();

    let corpus = Corpus::open(dir.path(), None, &both()).unwrap();
    let titles: Vec<_> = corpus.outputs.iter().map(|output| output.title()).collect();
    assert_eq!(titles, [data::DEVICE.to_owned(), "other-cpu memory".into()]);
    assert_eq!((corpus.entries.len(), corpus.measured(1).count()), (24, 1));
    assert!(corpus.entries.iter().any(|entry| entry.targets[1] == 5.0 && entry.targets[0].is_finite()));
}

#[test]
fn values_without_a_unit_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("tpugraphs/layerdag_tile");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("val.jsonl"), r#"{"src": [0], "dst": [1], "op": [5, 29], "y": 2.5}"#).unwrap();
    let error = Corpus::open("layerdag-tile".as_ref(), Some(root.path()), &Query::all()).unwrap_err().to_string();
    assert!(error.contains("`layerdag-tile`") && error.contains("normalised"), "{error}");
}

#[test]
fn an_added_set_is_learned_from_and_never_tested() {
    let dir = tempfile::tempdir().unwrap();
    let path = table(dir.path());
    let split = SplitConfig::Fold { folds: 3, fold: 1, families: true, seed: 0 };
    let alone = Corpus::open(&path, None, &both()).unwrap();
    let (n, before) = (alone.entries.len(), split.divide(&alone).unwrap());
    let mut other = Corpus::open(&path, None, &Query::latency(["two"])).unwrap();
    // All but one have other names.
    other.entries.iter_mut().skip(1).for_each(|entry| entry.network.push_str(" again"));
    let added = other.entries.len() - 1;
    let corpus = alone.extend(other);
    assert_eq!((corpus.entries.len(), corpus.outputs.len()), (n + added, 4));
    assert!(corpus.left_out.values().any(|why| why.starts_with("is in ")), "{:?}", corpus.left_out);
    let entry = corpus.entries.last().unwrap();
    assert!(entry.targets[..3].iter().all(|t| t.is_nan()) && entry.targets[3].is_finite());
    let after = split.divide(&corpus).unwrap();
    assert_eq!((&after.parts[..n], &after.hash), (&before.parts[..], &before.hash));
    assert!(after.parts[n..].iter().all(|part| *part == Part::Train));
}
