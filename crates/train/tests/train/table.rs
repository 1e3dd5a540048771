//! From a table of ten measurements and the bundled checkpoint to a checkpoint for a new device.

use std::{fmt::Write, fs, path::PathBuf};

use tachograph_ir::{Assignment, Millis};
use tachograph_predict::{Bundled, Predictor, torch::TorchPredictor};
use tachograph_train::{AdaptConfig, Corpus, Error, Method, Query, adapt};
use tch::Device;

use crate::data::ms;

/// The new device is that much slower.
const FACTOR: f64 = 3.0;
const MODELS: [&str; 11] = [
    "convnext_atto",
    "deit_tiny_patch16_224",
    "densenet121",
    "efficientnet_b0",
    "ghostnet_100",
    "inception_v3",
    "light_resnet50",
    "mobilevit_s",
    "regnety_004",
    "repvgg_a0",
    "squeezenet1_1",
];

fn datasets() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../datasets").canonicalize().unwrap()
}

/// Predictions of the bundled checkpoint for [`MODELS`] at batch 2.
fn predictions(predictor: &TorchPredictor) -> Vec<f64> {
    let predict = |name: &&str| {
        let model = tachograph_import::load(&datasets().join(format!("models/{name}.onnx.gz"))).unwrap();
        let bound = model.graph.bind(&Assignment::from([("batch".into(), 2)])).unwrap();
        ms(predictor, &bound, 0)
    };
    MODELS.iter().map(predict).collect()
}

#[test]
fn ten_rows_make_a_checkpoint_for_a_new_device() {
    tch::set_num_threads(1);
    let bundled = TorchPredictor::new(Bundled::named("cpu").unwrap().checkpoint().unwrap(), Device::Cpu).unwrap();
    let predicted = predictions(&bundled);
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("mine.csv");
    let mut text = "file,device,latency_ms,batch\n".to_owned();
    for (i, (name, ms)) in MODELS.iter().zip(&predicted).enumerate().take(10) {
        // A tenth up and down, as measurements are.
        let ms = FACTOR * ms * if i % 2 == 0 { 1.1 } else { 0.9 };
        writeln!(text, "{}/models/{name}.onnx.gz,my-phone,{ms},2", datasets().display()).unwrap();
    }
    text += "gone.onnx,my-phone,1.0,2\n";
    fs::write(&table, text).unwrap();

    let corpus = Corpus::open(&table, None, &Query::latency(["my-phone"])).unwrap();
    assert_eq!((corpus.entries.len(), corpus.left_out.len()), (10, 1));
    let (file, why) = corpus.left_out.first_key_value().unwrap();
    assert!(file.contains("gone.onnx") && why.contains("gone.onnx"), "{file}: {why}");
    let samples = corpus.featurize(&bundled.manifest().featurizer).unwrap();
    let samples: Vec<_> = samples.iter().map(|s| (&s.features, Millis(s.target(0).unwrap()))).collect();
    let config = AdaptConfig { methods: vec![Method::Scale, Method::LogLinear], ..AdaptConfig::default() };
    let (adapted, _) = adapt(&bundled, corpus.outputs[0].clone(), &samples, &config).unwrap();
    let path = dir.path().join("my-phone.safetensors");
    adapted.save(&path).unwrap();

    let loaded = Predictor::load(&path).unwrap();
    let output = loaded.find("My Phone").unwrap();
    let interval = loaded.manifest().get(output).unwrap().interval.clone().unwrap();
    assert_eq!(
        (interval.nominal, interval.source.as_str()),
        (0.8, "cross-validation of the adaptation, 10 measurements")
    );
    assert!(interval.low < 1.0 && interval.high > 1.0, "{interval:?}");
    let model = tachograph_import::load(&datasets().join("models/squeezenet1_1.onnx.gz")).unwrap();
    let bound = model.graph.bind(&Assignment::from([("batch".into(), 2)])).unwrap();
    let prediction = loaded.predict(&bound, output).unwrap();
    let expected = FACTOR * predicted[10];
    let found = prediction.value.value();
    assert!((found / expected - 1.0).abs() < 0.2, "{prediction:?}, expected {expected}");
    let bounds = prediction.bounds.as_ref().unwrap();
    assert!(bounds.low.value() < found && found < bounds.high.value(), "{prediction:?}");
}

#[test]
fn what_is_wrong_with_a_table_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("mine.csv");
    let refusal = |text: &str| {
        fs::write(&table, text).unwrap();
        Corpus::open(&table, None, &Query::latency(["my-phone"])).unwrap_err()
    };
    let error = refusal("file,device,latency_ms\na.onnx,other,1.0\n");
    assert!(matches!(&error, Error::Device { name, known } if name == "my-phone" && known == "other"), "{error}");
    let error = refusal("file,device\na.onnx,my-phone\n").to_string();
    assert!(error.contains("mine.csv") && error.contains("latency_ms"), "{error}");
    let error = refusal("file,device,latency_ms\na.onnx,my-phone,-1\n").to_string();
    assert!(error.contains("mine.csv"), "{error}");
    let error = refusal("file,device,latency_ms\na.onnx,my-phone,1.0\n").to_string();
    assert!(error.contains("a.onnx"), "{error}");
}
