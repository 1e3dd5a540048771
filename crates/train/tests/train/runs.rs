//! Training runs on a tiny set.

use std::{collections::BTreeMap, fs, path::Path};

use safetensors::SafeTensors;
use tachograph_datasets::{NetworkId, Run, Writer, generate};
use tachograph_train::{BEST, Epoch, Error, Predictor, RunConfig, train};
use tch::Device;

use crate::data::{self, DEVICE, config, proportional, record};

const LAST: &str = "last.safetensors";

fn run(config: &RunConfig, dir: &Path) -> Vec<Epoch> {
    let mut epochs = vec![];
    train(config, dir, |e| epochs.push(*e)).unwrap();
    epochs
}

fn refusal(config: &RunConfig, dir: &Path) -> Error {
    train(config, dir, |_| ()).map(|_| ()).unwrap_err()
}

fn weights(dir: &Path, file: &str) -> BTreeMap<String, Vec<u8>> {
    let bytes = fs::read(dir.join(file)).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    tensors.tensors().into_iter().map(|(name, view)| (name, view.data().to_vec())).collect()
}

#[test]
fn the_loss_falls_and_the_report_is_of_the_best_epoch() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    let config = RunConfig { epochs: 12, ..config(data.path()) };
    let mut epochs = vec![];
    let outcome = train(&config, dir.path(), |e| epochs.push(*e)).unwrap();
    let losses: Vec<f64> = epochs.iter().map(|e| e.loss).collect();
    assert_eq!(losses.len(), 12);
    assert!(losses[11] < 0.5 * losses[0], "{losses:?}");
    let best = epochs.iter().min_by(|a, b| a.validation_mape.total_cmp(&b.validation_mape)).unwrap();
    assert_eq!(outcome.epoch, best.epoch);
    assert!((100.0 * outcome.validation.mape - best.validation_mape).abs() < 1e-9);
    let document = Predictor::load(&dir.path().join(BEST), Device::Cpu).unwrap().document().clone();
    assert_eq!((document.training.epoch, document.devices[0].name.as_str()), (best.epoch, DEVICE));
    assert_eq!(fs::read_to_string(dir.path().join("log.jsonl")).unwrap().lines().count(), 12);
}

#[test]
fn a_stopped_run_ends_where_an_unbroken_one_does() {
    let data = tempfile::tempdir().unwrap();
    proportional(data.path());
    let config = config(data.path());
    let [unbroken, stopped] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    // What a process killed after its second epoch leaves behind.
    let stop = |epoch: &Epoch| {
        if epoch.epoch == 2 {
            for file in fs::read_dir(unbroken.path()).unwrap().map(Result::unwrap) {
                fs::copy(file.path(), stopped.path().join(file.file_name())).unwrap();
            }
        }
    };
    train(&config, unbroken.path(), stop).unwrap();
    assert_ne!(weights(stopped.path(), LAST), weights(unbroken.path(), LAST));

    let rest = run(&config, stopped.path());
    assert_eq!(rest.iter().map(|e| e.epoch).collect::<Vec<_>>(), [3, 4]);
    for file in [LAST, BEST] {
        assert_eq!(weights(stopped.path(), file), weights(unbroken.path(), file), "{file}");
    }
    assert!(run(&config, stopped.path()).is_empty());
}

#[test]
fn a_run_without_progress_can_be_stopped_again_and_again() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    let config = RunConfig { rate: 0.0, ..config(data.path()) };
    for epochs in 1..4 {
        let outcome = train(&RunConfig { epochs, ..config.clone() }, dir.path(), |_| ()).unwrap();
        assert_eq!(outcome.epoch, 1);
    }
}

#[test]
fn the_directory_of_another_run_is_refused() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    let first = RunConfig { epochs: 1, ..config(data.path()) };
    run(&first, dir.path());
    for other in [RunConfig { seed: 1, ..first.clone() }, RunConfig { clip: 2.0, ..first.clone() }] {
        let message = refusal(&other, dir.path()).to_string();
        assert!(message.contains("last.safetensors") && message.contains("another config"), "{message}");
    }
}

#[test]
fn what_cannot_be_run_is_refused() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    let config = config(data.path());
    let message = refusal(&RunConfig { device: "another".into(), ..config.clone() }, dir.path()).to_string();
    assert_eq!(message, format!("unknown device `another`; known: {DEVICE}"));
    for torch_device in ["tpu", "cuda", "cuda:x"] {
        let bad = RunConfig { torch_device: torch_device.into(), ..config.clone() };
        assert!(refusal(&bad, dir.path()).to_string().contains(torch_device));
    }
    for clip in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(refusal(&RunConfig { clip, ..config.clone() }, dir.path()), Error::Config(_)));
    }
}

#[test]
fn latencies_that_are_no_numbers_never_reach_a_data_set() {
    let dir = tempfile::tempdir().unwrap();
    let run = Run { device: DEVICE.into(), protocol: "invented".into(), seed: 1 };
    let mut writer = Writer::resume(dir.path(), run).unwrap();
    let graph = generate::sample(generate::Family::Vgg, 1, 0).unwrap().graph;
    let id = NetworkId::generated("vgg", 1, 0);
    for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        assert!(writer.append(&graph, &record(id.clone(), bad)).unwrap_err().to_string().contains("vgg:1:0"));
    }
}

#[test]
fn losses_and_gradients_that_are_not_finite_stop_the_run() {
    for (ms, expected) in [(1e-30, "loss inf"), (3e-17, "norm of the gradients")] {
        let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        data::write(data.path(), |_| ms);
        let error = refusal(&config(data.path()), dir.path());
        let Error::NotFinite { step: 0, what, members } = &error else { panic!("{error}") };
        assert!(what.starts_with(expected), "{error}");
        assert_eq!(members.split(", ").count(), 4);
        assert!(members.contains(":1:"), "{members}");
    }
}
