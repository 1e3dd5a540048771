//! Damaged TFLite models: always an error with file, never a panic.

#![cfg(feature = "tflite")]

use std::sync::LazyLock;

use bytes::Bytes;
use proptest::prelude::*;
use tachograph_import::tflite::{self, Weights};
use tachograph_ir::{Assignment, Attr, Builder, DType, attrs};

/// A small file, nearly all of it graph and not weights: two convolutions, a sum and a pooling.
static SMALL: LazyLock<Bytes> = LazyLock::new(|| small(Weights::Noise));

fn small(weights: Weights) -> Bytes {
    let mut b = Builder::new("small");
    let x = b.input("x", DType::F32, vec![1.into(), 3.into(), 16.into(), 16.into()]);
    let x = b.conv(x, 8, [3, 3], 2, 1, 1, true).unwrap();
    let x = b.op("Relu", &[x]).unwrap();
    let y = b.conv(x, 8, [3, 3], 1, 1, 1, true).unwrap();
    let y = b.op("Add", &[x, y]).unwrap();
    let y = b.op("GlobalAveragePool", &[y]).unwrap();
    let y = b.op("Flatten", &[y]).unwrap();
    let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
    tflite::write_with(&bound, weights).unwrap().into()
}

fn survive(bytes: Vec<u8>) {
    let _ = tflite::filled(&bytes.clone().into(), Weights::Bell, "file");
    if let Ok(model) = tflite::read(&bytes.into(), "file") {
        let config = model.graph.hyperparameters().keys().map(|name| (name.clone(), 2)).collect();
        let _ = model.graph.bind(&config).and_then(|bound| bound.cost());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bytes(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = SMALL.to_vec();
        for (place, value) in flips {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        survive(bytes);
    }

    #[test]
    fn truncated(length in any::<prop::sample::Index>()) {
        let length = length.index(SMALL.len());
        let error = tflite::read(&SMALL.slice(..length), "file").map(|_| ()).unwrap_err().to_string();
        prop_assert!(error.starts_with("file: ") && !error.contains(['\n', '\t']), "{error}");
        prop_assert!(length < 8 || error.contains("truncated or damaged") && error.contains(&format!(" of {length}")), "{error}");
    }
}

/// Biases of zeros stay, and so do weights that are there.
#[test]
fn constant_weights_are_filled() {
    let filled = tflite::filled(&small(Weights::Zero), Weights::Bell, "file").unwrap();
    assert!(filled == small(Weights::Bell));
    assert!(tflite::filled(&SMALL, Weights::Bell, "file").unwrap() == *SMALL);
    let error = tflite::filled(&SMALL.slice(..40), Weights::Bell, "cut").unwrap_err().to_string();
    assert!(error.starts_with("cut: ") && error.contains("truncated or damaged"), "{error}");
}

#[test]
fn other_kinds_of_files_are_named() {
    for bytes in [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], b"", b"\x08\0\0\0TFL3"] {
        let error = tflite::read(&Bytes::from_static(bytes), "file").unwrap_err();
        assert!(error.to_string().starts_with("file: "), "{error}");
    }
}

/// Found by fuzzing: the reach of a dilated window is longer than 32 bits can say.
#[test]
fn a_window_that_reaches_too_far_is_refused() {
    let mut b = Builder::new("far");
    let x = b.input("x", DType::F32, vec![1.into(), 1.into(), 8.into(), 8.into()]);
    let weight = b.parameter(&[1, 1, 70_000, 1]);
    let settings = attrs([("auto_pad", Attr::from("SAME_UPPER")), ("dilations", vec![40_000, 1].into())]);
    let y = b.op_with("Conv", &[x, weight], settings).unwrap();
    let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
    let message = tflite::write(&bound).unwrap_err().to_string();
    assert!(message.contains("padding of 1399980000"), "{message}");
}
