//! Training runs on a tiny set.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use safetensors::SafeTensors;
use tachograph_datasets::{NetworkId, Run, Writer};
use tachograph_networks::{Family, sample};
use tachograph_predict::torch::TorchPredictor;
use tachograph_train::{BEST, Epoch, Error, METRICS, Metric, RunConfig, TargetConfig, loss::RankNet, train};
use tch::Device;

use crate::data::{self, DEVICE, config, proportional, record};

pub fn run(config: &RunConfig, dir: &Path) -> Vec<Epoch> {
    let mut epochs = vec![];
    train(config, dir, |e| epochs.push(e.clone())).unwrap();
    epochs
}

pub fn refusal(config: &RunConfig, dir: &Path) -> Error {
    train(config, dir, |_| ()).map(|_| ()).unwrap_err()
}

/// The newest checkpoint of a run.
pub fn last(dir: &Path) -> PathBuf {
    let files = fs::read_dir(dir.join("checkpoints")).unwrap().map(|f| f.unwrap().path());
    files.filter(|p| p.extension().is_some_and(|e| e == "safetensors")).max().unwrap()
}

pub fn weights(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    tensors.tensors().into_iter().map(|(name, view)| (name, view.data().to_vec())).collect()
}

/// Copies a run directory: what a process that is killed now leaves behind.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|e| e.unwrap().path()) {
        let target = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            copy(&entry, &target);
        } else {
            fs::copy(entry, target).unwrap();
        }
    }
}

fn mape(epoch: &Epoch) -> f64 {
    epoch.validation.as_ref().unwrap().mape
}

#[test]
fn the_loss_falls_and_the_report_is_of_the_best_epoch() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    let config = RunConfig { epochs: 12, ..config(data.path()) };
    let mut epochs = vec![];
    let outcome = train(&config, dir.path(), |e| epochs.push(e.clone())).unwrap();
    let losses: Vec<f64> = epochs.iter().map(|e| e.loss).collect();
    assert_eq!(losses.len(), 12);
    assert!(losses[11] < 0.5 * losses[0], "{losses:?}");
    let best = epochs.iter().min_by(|a, b| mape(a).total_cmp(&mape(b))).unwrap();
    assert!(best.best);
    assert_eq!(outcome.epoch, best.epoch);
    assert_eq!(Some(&outcome.validation), best.validation.as_ref());
    let manifest = TorchPredictor::load(&dir.path().join(BEST), Device::Cpu).unwrap().manifest().clone();
    assert_eq!((manifest.training.epoch, manifest.outputs[0].name.as_str()), (best.epoch, DEVICE));
    assert_eq!(fs::read_to_string(dir.path().join(METRICS)).unwrap().lines().count(), 12);
    assert_eq!(RunConfig::load(&dir.path().join("config.toml")).unwrap(), config);
    assert!(fs::read_to_string(dir.path().join("report.txt")).unwrap().contains("MAPE"));
    assert_eq!(fs::read_dir(dir.path().join("checkpoints")).unwrap().count(), 3, "the last three are kept");
    for plot in ["curves", "predicted", "families", "cumulative"] {
        let [svg, png] =
            ["svg", "png"].map(|e| fs::read(dir.path().join("plots").join(format!("{plot}.{e}"))).unwrap());
        assert!(svg.starts_with(b"<svg") && svg.ends_with(b"</svg>\n") && png.starts_with(b"\x89PNG"), "{plot}");
    }
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
fn a_run_without_progress_ends_early() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    let config = RunConfig { rate: 0.0, epochs: 50, patience: 3, metric: Metric::Rmspe, ..config(data.path()) };
    assert_eq!(run(&config, dir.path()).len(), 4);
    assert!(run(&config, dir.path()).is_empty(), "it stays ended");
}

#[test]
fn ranking_losses_rank_the_batch_or_the_runs_of_a_network() {
    let (data, dirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    let config = RunConfig { loss: RankNet {}.into(), metric: Metric::Kendall, ..config(data.path()) };
    let epochs = run(&config, &dirs.path().join("batch"));
    assert!(epochs[3].loss < epochs[0].loss, "{epochs:?}");
    // Each network was measured once, so that its list has nothing to rank.
    let epochs = run(&RunConfig { runs: 2, ..config }, &dirs.path().join("networks"));
    assert!(epochs.iter().all(|e| e.loss == 0.0), "{epochs:?}");
}

#[test]
fn the_averaged_weights_are_validated_and_kept() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    let config = RunConfig { average: 0.5, target: TargetConfig::Mean, ..config(data.path()) };
    let epochs = run(&config, dir.path());
    let best = TorchPredictor::load(&dir.path().join(BEST), Device::Cpu).unwrap();
    assert!(best.manifest().outputs[0].target.scale != 1.0 && epochs.last().unwrap().best);
    let (kept, last) = (weights(&dir.path().join(BEST)), weights(&last(dir.path())));
    for (name, average) in &kept {
        assert_eq!(average, &last[&format!("{name}.average")], "{name}");
        assert_ne!(average, &last[name], "{name}");
    }
}

#[test]
fn a_refit_learns_from_all_but_the_test_set_and_keeps_the_last_epoch() {
    let (data, dirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    let chosen = train(&config(data.path()), &dirs.path().join("chosen"), |_| ()).unwrap();
    let config = RunConfig { refit: true, rate: 0.0, ..config(data.path()) };
    let outcome = train(&config, &dirs.path().join("refit"), |_| ()).unwrap();
    assert_eq!((outcome.epoch, outcome.coverage), (config.epochs, None));
    assert_eq!((outcome.validation.n, outcome.test.n), (chosen.validation.n, chosen.test.n));
    let [chosen, refit] = ["chosen", "refit"]
        .map(|run| TorchPredictor::load(&dirs.path().join(run).join(BEST), Device::Cpu).unwrap().manifest().clone());
    assert_eq!(refit.training.networks, chosen.training.networks + outcome.validation.n);
    assert_eq!((refit.training.validation_mape, refit.outputs[0].interval.clone()), (None, None));
}

#[test]
fn the_directory_of_another_run_is_refused() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    let first = RunConfig { epochs: 1, ..config(data.path()) };
    run(&first, dir.path());
    for other in [RunConfig { seed: 1, ..first.clone() }, RunConfig { clip: 2.0, ..first.clone() }] {
        let message = refusal(&other, dir.path()).to_string();
        assert!(message.contains("checkpoints") && message.contains("another config"), "{message}");
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
    for value in [-1.0, f64::NAN, f64::INFINITY] {
        for bad in [
            RunConfig { clip: value, ..config.clone() },
            RunConfig { clip_each: value, ..config.clone() },
            RunConfig { rate: value, ..config.clone() },
            RunConfig { average: value, ..config.clone() },
        ] {
            assert!(matches!(refusal(&bad, dir.path()), Error::Setting { .. }));
        }
    }
}

#[test]
fn latencies_that_are_no_numbers_never_reach_a_data_set() {
    let dir = tempfile::tempdir().unwrap();
    let run = Run { device: DEVICE.into(), protocol: "invented".into(), seed: 1 };
    let mut writer = Writer::resume(dir.path(), run).unwrap();
    let graph = sample(Family::Vgg, 1, 0).unwrap().graph;
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
