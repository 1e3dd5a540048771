//! Adaptation to devices that are known functions of a source.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use tachograph_features::{FeatureGraph, FeatureSet, Featurizer};
use tachograph_ir::Quantity;
use tachograph_ir::{Assignment, BoundGraph, Millis};
use tachograph_models::{ModelConfig, NnlpConfig, OperatorSumConfig};
use tachograph_networks::{Family, sample};
use tachograph_predict::{
    DeviceScale, FORMAT, Manifest, NetworkSpec, Output, OutputScale, Training, torch::TorchPredictor,
};
use tachograph_train::{
    AdaptConfig, AdaptReport, Error, Method, Selection, adapt,
    loss::{Huber, ListNet},
    select,
};
use tch::Device;

use crate::{
    child,
    data::{ms, operator_sum},
};

fn networks() -> Vec<BoundGraph> {
    let batch = Assignment::from([("batch".into(), 1)]);
    let both = [Family::SqueezeNet, Family::Vgg].into_iter();
    both.flat_map(|family| (0..12).map(move |i| sample(family, 1, i).unwrap().graph))
        .map(|graph| graph.bind(&batch).unwrap())
        .collect()
}

fn device(name: &str) -> Output {
    Output { target: OutputScale { scale: 2.0 }, ..Output::new(name, Quantity::Latency) }
}

/// A predictor of two devices with weights as they were drawn, and its features of the networks.
fn source(model: ModelConfig) -> (TorchPredictor, Vec<FeatureGraph>) {
    let networks = networks();
    let manifest = Manifest {
        format: FORMAT,
        library: "0.1.0".into(),
        model: NetworkSpec::of(&model).unwrap(),
        members: 1,
        featurizer: Featurizer::fit(FeatureSet::COSTS, &networks.iter().collect::<Vec<_>>()).unwrap(),
        outputs: ["one", "two"].map(device).into(),
        training: Training {
            data: "nowhere".into(),
            fingerprint: String::new(),
            networks: 24,
            split: "none".into(),
            seed: 0,
            epoch: 1,
            validation_mape: Some(10.0),
            range_ms: (1.0, 2.0),
        },
    };
    tch::manual_seed(5);
    let graphs = networks.iter().map(|n| manifest.featurizer.featurize(n).unwrap()).collect();
    (TorchPredictor::untrained(manifest, Device::Cpu).unwrap(), graphs)
}

pub fn additive() -> (TorchPredictor, Vec<FeatureGraph>) {
    source(ModelConfig::from(OperatorSumConfig { hidden: 8, layers: 2 }))
}

pub fn run(
    (predictor, graphs): &(TorchPredictor, Vec<FeatureGraph>),
    latencies: &[f64],
    config: &AdaptConfig,
) -> Result<(TorchPredictor, AdaptReport), Error> {
    let samples: Vec<_> = graphs.iter().zip(latencies).map(|(g, &ms)| (g, Millis(ms))).collect();
    adapt(predictor, device("new"), &samples, config)
}

pub fn only(method: Method) -> AdaptConfig {
    AdaptConfig { methods: vec![method], steps: 8, source: Some("two".into()), ..AdaptConfig::default() }
}

pub fn predictions(predictor: &TorchPredictor, graphs: &[FeatureGraph], head: usize) -> Vec<f64> {
    let head = predictor.manifest().id(head).unwrap();
    predictor.predict_all(&graphs.iter().collect::<Vec<_>>(), head).unwrap()
}

pub fn weights(predictor: &TorchPredictor) -> BTreeMap<String, Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.safetensors");
    predictor.save(&path).unwrap();
    let bytes = std::fs::read(path).unwrap();
    SafeTensors::deserialize(&bytes).unwrap().tensors().into_iter().map(|(n, v)| (n, v.data().to_vec())).collect()
}

/// Latencies of a device that runs one family at another speed.
pub fn uneven(source: &(TorchPredictor, Vec<FeatureGraph>)) -> Vec<f64> {
    let predicted = predictions(&source.0, &source.1, 1);
    predicted.iter().enumerate().map(|(i, p)| if i < 12 { 2.0 * p } else { 6.0 * p }).collect()
}

#[test]
fn a_power_of_the_source_is_found_exactly_and_survives_a_file() {
    let source = additive();
    let law = DeviceScale { scale: 3.0, exponent: 0.8 };
    let latencies: Vec<f64> = predictions(&source.0, &source.1, 1).iter().map(|&p| law.apply(p)).collect();
    let config = AdaptConfig { methods: vec![Method::Scale, Method::LogLinear], ..AdaptConfig::default() };
    let (adapted, report) = run(&source, &latencies, &config).unwrap();
    assert_eq!((report.method, report.source.as_str(), report.samples), (Method::LogLinear, "two", 24));
    assert!((report.calibration.exponent - 0.8).abs() < 1e-4, "{:?}", report.calibration);
    let found = predictions(&adapted, &source.1, 0);
    found.iter().zip(&latencies).for_each(|(f, e)| assert!((f / e - 1.0).abs() < 1e-4, "{f}, expected {e}"));

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new.safetensors");
    adapted.save(&path).unwrap();
    let loaded = TorchPredictor::load(&path, Device::Cpu).unwrap();
    assert_eq!(predictions(&loaded, &source.1, 0), found);
    assert_eq!(loaded.manifest(), adapted.manifest());
    assert_eq!(loaded.manifest().output(Some("new"), Quantity::Latency).unwrap().index(), 0);
    assert_eq!(loaded.manifest().outputs.len(), 1);

    // Operators share out the calibrated whole.
    let network = &networks()[0];
    let sum = operator_sum(&loaded, network, 0).unwrap();
    assert!((sum / ms(&loaded, network, 0) - 1.0).abs() < 1e-4);

    // Adapted again, laws compose.
    let (twice, _) =
        run(&(loaded, source.1.clone()), &latencies, &AdaptConfig { source: None, ..only(Method::Scale) }).unwrap();
    let again = predictions(&twice, &source.1, 0);
    again.iter().zip(&latencies).for_each(|(f, e)| assert!((f / e - 1.0).abs() < 1e-4, "{f}, expected {e}"));
}

#[test]
fn one_wild_measurement_does_not_move_the_scale() {
    let source = additive();
    let mut latencies: Vec<f64> = predictions(&source.0, &source.1, 1).iter().map(|&p| 2.5 * p).collect();
    latencies[7] *= 50.0;
    let (_, report) = run(&source, &latencies, &only(Method::Scale)).unwrap();
    assert!((report.calibration.scale - 2.5).abs() < 1e-4, "{:?}", report.calibration);
}

#[test]
fn every_method_moves_the_weights_it_should_and_no_others() {
    let nnlp = NnlpConfig { hidden: 8, ..NnlpConfig::default() };
    for source in [additive(), source(ModelConfig::from(nnlp))] {
        let before = weights(&source.0);
        for method in Method::all().into_iter().chain([Method::Transfer]) {
            let (adapted, report) = run(&source, &uneven(&source), &only(method.clone())).unwrap();
            assert_eq!((&report.method, report.steps > 0), (&method, method.trains()));
            for (name, weight) in weights(&adapted) {
                let stays = match &method {
                    Method::Scale | Method::LogLinear => true,
                    Method::FreshHead => !name.starts_with("heads."),
                    Method::Transfer => false,
                    Method::FineTune { frozen } => frozen.iter().any(|prefix| name.starts_with(prefix)),
                };
                let from = name.replace("heads.0.", "heads.1.");
                assert_eq!(weight == before[&from], stays, "{method}: {name}");
            }
        }
        assert_eq!(weights(&source.0), before);
    }
}

#[test]
fn a_device_of_another_kind_needs_learning_and_the_choice_shows_it() {
    let source = additive();
    let latencies = uneven(&source);
    let config = AdaptConfig { steps: 64, rate: 0.01, ..AdaptConfig::default() };
    let (adapted, report) = run(&source, &latencies, &config).unwrap();
    assert!(report.method.trains() && report.steps > 0, "{report}");
    let chosen = report.candidates.iter().find(|c| (&c.method, c.steps) == (&report.method, report.steps));
    let mape = chosen.unwrap().mape.unwrap();
    assert!((adapted.manifest().training.validation_mape.unwrap() - 100.0 * mape).abs() < 1e-9);
    let simple = report.candidates.iter().find(|c| c.method == Method::LogLinear).unwrap().mape.unwrap();
    assert!(mape < 0.7 * simple, "{report}");
    let found = predictions(&adapted, &source.1, 0);
    let error: f64 = found.iter().zip(&latencies).map(|(f, e)| (f / e - 1.0).abs()).sum::<f64>() / 24.0;
    assert!(error < simple, "{error} after {report}");
}

#[test]
fn the_same_seed_adapts_alike() {
    if child::alone("adaptation::the_same_seed_adapts_alike") {
        let source = additive();
        let config = AdaptConfig { steps: 64, rate: 0.01, ..AdaptConfig::default() };
        let [first, second] = [(); 2].map(|()| run(&source, &uneven(&source), &config).unwrap());
        assert!(weights(&first.0) == weights(&second.0) && first.1 == second.1, "{}\n{}", first.1, second.1);
    }
}

#[test]
fn networks_are_chosen_without_repeats_and_repeatably() {
    let (predictor, graphs) = additive();
    let first = predictor.manifest().id(0).unwrap();
    let graphs: Vec<&FeatureGraph> = graphs.iter().collect();
    for selection in [Selection::Random, Selection::Diverse, Selection::Stratified] {
        for k in [1, 5, 24] {
            let choose = |seed| select(&predictor, first, &graphs, k, selection, seed).unwrap();
            let chosen = choose(3);
            assert_eq!(chosen.len(), k);
            assert!(chosen.is_sorted_by(|a, b| a < b) && chosen.iter().all(|&i| i < 24), "{selection:?} {chosen:?}");
            assert_eq!(choose(3), chosen);
        }
        assert!((0..20).any(|s| select(&predictor, first, &graphs, 5, selection, s).unwrap()
            != select(&predictor, first, &graphs, 5, selection, 20).unwrap()));
        for k in [0, 25] {
            let error = select(&predictor, first, &graphs, k, selection, 0).unwrap_err().to_string();
            assert_eq!(error, format!("cannot choose {k} of 24 networks"));
        }
    }
    // Equal networks have no distance; they are chosen only when nothing else is left.
    let same = [graphs[0], graphs[0], graphs[0], graphs[20]];
    for seed in 0..10 {
        assert!(select(&predictor, first, &same, 2, Selection::Diverse, seed).unwrap().contains(&3));
        assert_eq!(select(&predictor, first, &same, 3, Selection::Diverse, seed).unwrap().len(), 3);
    }
}

#[test]
fn strata_cover_the_range_of_latencies() {
    let (predictor, graphs) = additive();
    let first = predictor.manifest().id(0).unwrap();
    let graphs: Vec<&FeatureGraph> = graphs.iter().collect();
    let predicted = predictor.predict_all(&graphs, first).unwrap();
    let mut sorted = predicted.clone();
    sorted.sort_by(f64::total_cmp);
    let chosen = select(&predictor, first, &graphs, 6, Selection::Stratified, 1).unwrap();
    for group in sorted.chunks(4) {
        let within = |i: &&usize| group.contains(&predicted[**i]);
        assert_eq!(chosen.iter().filter(within).count(), 1);
    }
}

#[test]
fn what_cannot_be_adapted_is_refused() {
    let source = additive();
    let good = uneven(&source);
    let refusal = |latencies: &[f64], config: AdaptConfig| run(&source, latencies, &config).unwrap_err().to_string();
    let usual = AdaptConfig::default;
    assert_eq!(refusal(&good[..1], usual()), "adaptation: 1 measurements; cross-validation needs two");
    assert_eq!(refusal(&[1.0, -2.0], usual()), "adaptation: measurement 1 is -2 ms");
    assert!(refusal(&[1.0, f64::NAN], usual()).contains("measurement 1"));
    let unknown = AdaptConfig { source: Some("three".into()), ..usual() };
    assert_eq!(refusal(&good, unknown), "unknown device `three`; known: one, two");
    let prefix = only(Method::FineTune { frozen: vec!["graf".into()] });
    assert_eq!(
        refusal(&good, prefix),
        "setting `methods.fine-tune.frozen`: no parameter of the model begins with `graf`"
    );
    for bad in [
        AdaptConfig { methods: vec![], ..usual() },
        AdaptConfig { folds: 1, ..usual() },
        AdaptConfig { steps: 0, ..usual() },
        AdaptConfig { rate: 0.0, ..usual() },
        AdaptConfig { loss: Huber { delta: -1.0 }.into(), ..usual() },
    ] {
        assert!(matches!(run(&source, &good, &bad), Err(Error::Setting { .. })), "{bad:?}");
    }
    let ranking = AdaptConfig { loss: ListNet {}.into(), ..usual() };
    assert!(matches!(run(&source, &good, &ranking), Err(Error::LossWithoutSegments { .. })));
}
