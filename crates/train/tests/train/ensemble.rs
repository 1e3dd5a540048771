//! Ensembles of trainings.

use tachograph_models::{ModelConfig, OperatorSumConfig};
use tachograph_predict::{Checkpoint, Manifest, NetworkSpec, torch::TorchPredictor};
use tachograph_train::Method;
use tch::Device;

use crate::{
    adaptation::{additive, only, predictions, run, uneven, weights},
    checkpoint::manifest,
    data::{graph, ms, operator_sum},
};

fn members() -> [TorchPredictor; 2] {
    [1, 2].map(|seed| {
        tch::manual_seed(seed);
        TorchPredictor::untrained(manifest(), Device::Cpu).unwrap()
    })
}

fn checkpoints(members: &[TorchPredictor]) -> Vec<Checkpoint> {
    members.iter().map(|member| member.checkpoint().unwrap()).collect()
}

fn ensemble_of(members: &[TorchPredictor]) -> TorchPredictor {
    TorchPredictor::new(Checkpoint::ensemble(&checkpoints(members)).unwrap(), Device::Cpu).unwrap()
}

#[track_caller]
fn refusal(members: &[TorchPredictor]) -> String {
    Checkpoint::ensemble(&checkpoints(members)).unwrap_err().to_string()
}

#[test]
fn an_ensemble_predicts_the_mean_of_its_members_and_survives_a_file() {
    let members = members();
    let ensemble = ensemble_of(&members);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ensemble.safetensors");
    ensemble.save(&path).unwrap();
    let loaded = TorchPredictor::load(&path, Device::Cpu).unwrap();
    assert_eq!(loaded.manifest(), ensemble.manifest());
    for output in [0, 1] {
        let [a, b] = members.each_ref().map(|member| ms(member, &graph(), output));
        assert_ne!(a, b);
        let mean = ms(&loaded, &graph(), output);
        assert!((mean / (0.5 * (a + b)) - 1.0).abs() < 1e-6, "{mean} of {a} and {b}");
        let sum = operator_sum(&loaded, &graph(), output).unwrap();
        assert!((sum / mean - 1.0).abs() < 1e-5, "{sum}, expected {mean}");
    }
    let features = loaded.manifest().featurizer.featurize(&graph()).unwrap();
    let widths = [&members[0], &loaded].map(|predictor| predictor.embed(&[&features]).unwrap().ncols());
    assert_eq!(widths[1], 2 * widths[0]);
}

#[test]
fn members_that_do_not_go_together_are_refused() {
    assert_eq!(refusal(&[]), "an ensemble: no members");
    let [first, second] = members();
    let other = |manifest| TorchPredictor::untrained(manifest, Device::Cpu).unwrap();
    let model = ModelConfig::from(OperatorSumConfig { hidden: 4, layers: 2 });
    let narrow = other(Manifest { model: NetworkSpec::of(&model).unwrap(), ..manifest() });
    assert!(refusal(&[first, narrow]).ends_with("number 2 has a network of other settings than the first"));
    let mut fewer = manifest();
    fewer.outputs.truncate(1);
    assert!(refusal(&[second, other(fewer)]).ends_with("has other outputs than the first"));
    let ensemble = ensemble_of(&members());
    assert!(refusal(&[ensemble]).ends_with("number 1 is an ensemble itself"));
}

#[test]
fn an_ensemble_adapts_as_its_members_do() {
    let (graphs, sources) = (additive().1, [(); 2].map(|()| additive().0));
    let alike = (ensemble_of(&sources), graphs.clone());
    let [alone, _] = sources.map(|source| (source, graphs.clone()));
    let latencies = uneven(&alone);
    let frozen = Method::FineTune { frozen: vec!["graph".into()] };
    for method in [Method::Scale, Method::FreshHead, frozen] {
        let (adapted, _) = run(&alike, &latencies, &only(method.clone())).unwrap();
        let (kept, found) = (weights(&alike.0), weights(&adapted));
        let stays = |name: &str| match method {
            Method::FineTune { .. } => name.contains("graph"),
            _ => !name.contains("heads"),
        };
        let same = found.iter().filter(|(name, _)| stays(name));
        assert!(same.clone().any(|(name, _)| name.starts_with("members.1.")));
        same.for_each(|(name, weight)| assert_eq!(weight, &kept[name], "{method}: {name}"));
    }
    // Two equal members are the one: so is what is made of them where nothing is drawn.
    let (one, _) = run(&alone, &latencies, &only(Method::Scale)).unwrap();
    let (two, _) = run(&alike, &latencies, &only(Method::Scale)).unwrap();
    let pairs = predictions(&one, &graphs, 0).into_iter().zip(predictions(&two, &graphs, 0));
    pairs.for_each(|(a, b)| assert!((a / b - 1.0).abs() < 1e-5, "{a}, {b}"));
}
