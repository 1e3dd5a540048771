//! The checkpoints that come along, in plain Rust.

mod common;

use std::{collections::BTreeMap, path::Path};

use tachograph_ir::Quantity;
use tachograph_predict::{Amount, Bundled, Catalog, Checkpoint, Error, Predictor};

/// Numbers of libtorch, which `tests/torch.rs` writes.
#[test]
fn every_bundled_checkpoint_predicts_what_it_predicted_on_libtorch() {
    let text = include_str!("golden/bundled.json");
    let golden: BTreeMap<String, Vec<f64>> = serde_json::from_str(text).unwrap();
    let networks = common::networks();
    assert_eq!(golden.len(), Bundled::ALL.len() * networks.len());
    for bundled in Bundled::ALL {
        let predictor = bundled.load().unwrap();
        let outputs: Vec<_> = predictor.manifest().ids().map(|(id, _)| id).collect();
        for (name, network) in &networks {
            let expected = &golden[&format!("{}: {name}", bundled.name)];
            let features = predictor.manifest().featurizer.featurize(network).unwrap();
            let found = predictor.predict_features(&[&features], &outputs).unwrap();
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().map(|values| values[0]).zip(expected) {
                assert!((found / expected - 1.0).abs() < 1e-5, "{}: {name}: {found}, {expected}", bundled.name);
            }
        }
    }
}

#[test]
fn many_graphs_at_once_are_what_each_is_alone() {
    let networks = common::networks();
    for bundled in Bundled::ALL {
        let predictor = bundled.load().unwrap();
        let output = predictor.output(None, Quantity::Latency).unwrap();
        let featurizer = &predictor.manifest().featurizer;
        let features: Vec<_> = networks.iter().map(|(_, n)| featurizer.featurize(n).unwrap()).collect();
        let together = predictor.predict_features(&features.iter().collect::<Vec<_>>(), &[output]).unwrap();
        for (features, together) in features.iter().zip(&together[0]) {
            let alone = predictor.predict_features(&[features], &[output]).unwrap()[0][0];
            assert!((alone / together - 1.0).abs() < 1e-6, "{alone}, {together}");
        }
        assert!(predictor.predict_features(&[], &[output]).unwrap()[0].is_empty());
    }
}

#[test]
fn a_device_is_forecast_whole() {
    let (_, network) = common::networks().swap_remove(0);
    let catalog = Catalog::bundled();
    let first = catalog.forecast(&network, None).unwrap();
    assert_eq!((first.device.as_str(), first.checkpoint.as_str()), ("xeon-spr-1t", "cpu"));
    let Amount::Latency(ms) = first.latency.value else { panic!("{:?}", first.latency) };
    assert!(ms.0 > 0.0 && first.energy.is_none());
    // The first checkpoint has no memory: it comes from where the same library runs on as many threads.
    assert_eq!(first.memory.unwrap().value.quantity(), Quantity::Memory);
    assert_eq!(first.memory_as_on.as_deref(), Some("epyc-milan-1t"));

    let gpu = catalog.forecast(&network, Some("H100 SXM")).unwrap();
    assert_eq!((gpu.device.as_str(), gpu.checkpoint.as_str(), gpu.memory_as_on), ("h100-sxm", "timm", None));
    assert_eq!(gpu.energy.unwrap().value.quantity(), Quantity::Energy);
    assert_eq!(gpu.memory.unwrap().value.quantity(), Quantity::Memory);

    let devices = catalog.devices().unwrap();
    let h100 = devices.iter().find(|entry| entry.name == "h100-sxm").unwrap();
    assert_eq!(h100.quantities.len(), 3);
    for entry in &devices {
        let latency = entry.quantities.contains(&Quantity::Latency);
        assert_eq!(catalog.find(Some(&entry.name)).is_ok(), latency, "{}", entry.name);
    }
}

#[test]
fn an_unknown_device_is_refused_with_those_that_are_known() {
    let (_, network) = common::networks().swap_remove(0);
    let catalog = Catalog::bundled();
    let error = catalog.forecast(&network, Some("h200")).unwrap_err();
    assert!(matches!(&error, Error::Device { name, known } if name == "h200" && known.contains("h100-sxm")), "{error}");
    assert!(catalog.nearest("h200").unwrap()[0].distance.is_some());
    // Alike in name, whichever checkpoint it is of.
    assert_eq!(catalog.nearest("h10").unwrap()[0].name, "h100-sxm");
    let error = catalog.forecast(&network, Some("epyc-milan-1t")).unwrap_err();
    assert_eq!(error.to_string(), "no checkpoint predicts the latency of `epyc-milan-1t`; known of it: memory");
    let error = Catalog::open::<&Path>([]).forecast(&network, None).unwrap_err();
    assert!(matches!(error, Error::NoCheckpoint), "{error}");
}

#[test]
fn a_checkpoint_survives_a_file_and_an_ensemble_is_the_mean() {
    let (_, network) = common::networks().swap_remove(0);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("copy.safetensors");
    let checkpoint = Bundled::named("cpu").unwrap().checkpoint().unwrap();
    checkpoint.save(&path).unwrap();
    assert_eq!(Checkpoint::load(&path).unwrap(), checkpoint);
    let mut other = checkpoint.clone();
    other.weights.get_mut("heads.0.2.bias").unwrap().values[0] += 1.0;
    let ms = |checkpoint: Checkpoint| {
        let predictor = Predictor::new(checkpoint).unwrap();
        let features = predictor.manifest().featurizer.featurize(&network).unwrap();
        predictor.predict_features(&[&features], &[predictor.output(None, Quantity::Latency).unwrap()]).unwrap()[0][0]
    };
    let mean = ms(Checkpoint::ensemble(&[checkpoint.clone(), other.clone()]).unwrap());
    let (one, two) = (ms(checkpoint), ms(other));
    assert!((mean / (0.5 * (one + two)) - 1.0).abs() < 1e-6 && two > 2.0 * one, "{mean} of {one} and {two}");
}

#[test]
fn weights_that_do_not_fit_are_named() {
    let whole = Bundled::named("timm").unwrap().checkpoint().unwrap();
    let refused = |change: &dyn Fn(&mut Checkpoint)| {
        let mut checkpoint = whole.clone();
        change(&mut checkpoint);
        Predictor::new(checkpoint).unwrap_err().to_string()
    };
    let missing = refused(&|c| drop(c.weights.remove("members.2.hidden.0.weight")));
    assert!(missing.contains("members.2."), "{missing}");
    let turned = refused(&|c| c.weights.get_mut("hidden.1.weight").unwrap().shape = vec![1, 36864]);
    assert_eq!(turned, "weight `hidden.1.weight`: has shape [1, 36864], expected (any, 192)");
    assert_eq!(
        Bundled::named("tpu").unwrap_err().to_string(),
        "no bundled checkpoint `tpu`; there are: cpu, timm, nnlp-cpu, ethos-u"
    );
}
