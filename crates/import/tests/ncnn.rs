//! ncnn's layers as operators, and what damage does.

#![cfg(feature = "ncnn")]

use bytes::Bytes;
use proptest::prelude::*;
use tachograph_import::{Imported, ncnn};
use tachograph_ir::{Assignment, DType, Dim, TensorId};

fn read(text: &str) -> tachograph_import::Result<Imported> {
    ncnn::read(&Bytes::copy_from_slice(text.as_bytes()), "file")
}

const SMALL: &str = "7767517
9 10
Input a 0 1 a 0=8 1=6 2=4
Split s 1 2 a b c
Convolution conv 1 1 b d 0=6 1=3 4=1 5=1 6=216 8=2 9=2 -23310=1,1.000000e-01
ShuffleChannel mix 1 1 c e 0=2
Pooling pool 1 1 d f 0=1 4=1
BinaryOp scale 2 1 d f g 0=2
Slice cut 1 2 e h i -23300=2,1,-233
Permute turn 1 1 h j 0=3
Detect odd 2 1 i j k -23330=4,2,5,3,1
";

#[test]
fn layers_become_operators() {
    let model = read(SMALL).unwrap();
    let bound = model.graph.bind(&Assignment::new()).unwrap();
    let ops: Vec<String> = bound.graph().nodes().map(|(_, node)| node.op.to_string()).collect();
    let expected = [
        "Conv",
        "LeakyRelu",
        "Reshape",
        "Transpose",
        "Reshape",
        "GlobalAveragePool",
        "Flatten",
        "Unsqueeze",
        "Mul",
        "Slice",
        "Slice",
        "Transpose",
        "ncnn::Detect",
    ];
    assert_eq!(ops, expected);
    let shape = |name: &str| {
        let i = bound.graph().tensors().iter().position(|t| t.name == name).unwrap();
        bound.shape(TensorId(i as u32)).unwrap().to_vec()
    };
    assert_eq!((shape("d"), shape("e"), shape("g")), (vec![1, 6, 6, 8], vec![1, 4, 6, 8], vec![1, 6, 6, 8]));
    assert_eq!((shape("i"), shape("j"), shape("k")), (vec![1, 3, 6, 8], vec![1, 6, 8, 1], vec![1, 3, 5]));
    let weight = bound.graph().tensors().iter().find(|t| t.name == "conv/weight").unwrap();
    assert_eq!(weight.dtype, Some(DType::I8));
    let outputs: Vec<&str> = bound.graph().outputs().iter().map(|&id| bound.graph().tensor(id).name.as_str()).collect();
    assert_eq!(outputs, ["g", "k"]);
    assert_eq!(bound.uncounted().unwrap().custom, [("ncnn::Detect".to_owned(), 1)]);
}

/// The beginning of a decoder of a language model, as ncnn's converter writes it.
const DECODER: &str = "7767517
16 24
Input in0 0 1 in0
Input in1 0 1 in1
Input in2 0 1 in2
Input in3 0 1 in3
Input kv_cache 0 2 cache_k0 cache_v0
Split s 1 2 in0 1 2
RMSNorm rms 1 1 2 3 0=64 1=1.0e-06 2=1
Gemm q 1 1 3 4 10=-1 3=1 5=1 6=1 7=0 8=128 9=64
Reshape heads 1 1 4 5 0=32 1=4 2=-1
Permute turn 1 1 5 6 0=2
RotaryEmbed rope 3 1 6 in2 in3 7 0=0
Split s7 1 3 7 8 9 10
SDPA sdpa 6 3 8 9 10 in1 cache_k0 cache_v0 11 out_k0 out_v0 5=1 7=1
Permute back 1 1 11 12 0=2
Reshape merge 1 1 12 13 0=128 1=-1
Gemm o 1 1 13 out0 10=-1 3=1 5=1 6=1 7=0 8=64 9=128
";

fn dims(model: &Imported, input: &str) -> Vec<String> {
    let graph = &model.graph;
    let tensor = graph.inputs().iter().map(|&id| graph.tensor(id)).find(|tensor| tensor.name == input).unwrap();
    let text = |dim: &Dim| match dim {
        Dim::Fixed(n) => n.to_string(),
        Dim::Free(name) => name.clone(),
    };
    tensor.dims.iter().flatten().map(text).collect()
}

#[test]
fn inputs_of_a_decoder_are_told_apart() {
    let model = read(DECODER).unwrap();
    assert_eq!(dims(&model, "in0"), ["1", "length", "64"]);
    assert_eq!(dims(&model, "in1"), ["1", "length", "keys"]);
    assert_eq!(dims(&model, "in2"), ["1", "length", "16"]);
    assert_eq!(dims(&model, "cache_v0"), ["1", "4", "past", "32"]);
    let config: Assignment = [("length", 5), ("past", 7), ("keys", 12)].map(|(name, n)| (name.to_owned(), n)).into();
    let bound = model.graph.bind(&config).unwrap();
    let place = bound.graph().tensors().iter().position(|tensor| tensor.name == "out_k0").unwrap();
    assert_eq!(bound.shape(TensorId(place as u32)), Some(&[1, 4, 12, 32][..]));
    assert!(model.warnings.is_empty(), "{:?}", model.warnings);
}

/// What the file leaves open, what follows decides; else it is a hyperparameter without a default.
#[test]
fn open_inputs_have_the_axes_of_what_follows() {
    for (layers, expected) in [
        ("Gemm g 1 1 x y 3=1 5=1 6=1 8=9 9=1024 10=-1", vec!["1", "length", "1024"]),
        ("InnerProduct g 1 1 x y 0=10 1=1 2=480", vec!["1", "48"]),
        ("LSTM g 1 1 x y 0=16 1=512", vec!["1", "length", "8"]),
        ("Embed g 1 1 x y 0=16 1=100 3=1600", vec!["1", "length"]),
        ("Convolution g 1 1 x y 0=8 1=3 6=72", vec!["1", "1", "height", "width"]),
        ("Convolution1D g 1 1 x y 0=8 1=3 6=144", vec!["1", "6", "length"]),
        ("Convolution3D g 1 1 x y 0=8 1=3 6=648", vec!["1", "3", "depth", "height", "width"]),
        ("Permute g 1 1 x y 0=0", vec!["1", "channels", "height", "width"]),
        (
            "BinaryOp b 1 1 x z 0=2 1=1 2=0.5\nReLU r 1 1 z w\nConvolutionDepthWise g 1 1 w y 0=8 1=3 6=72 7=8",
            vec!["1", "8", "height", "width"],
        ),
    ] {
        let count = layers.lines().count() + 1;
        let model = read(&format!("7767517\n{count} {count}\nInput x 0 1 x\n{layers}\n")).unwrap();
        assert_eq!(dims(&model, "x"), expected, "{layers}");
        assert!(model.graph.hyperparameters().values().all(|h| h.default.is_none()));
    }
}

#[test]
fn damage_is_an_error_that_names_line_or_layer() {
    for (from, to, expected) in [
        ("7767517", "7767518", "the first line is not 7767517"),
        ("9 10", "10 10", "9 layers, not 10"),
        ("1 2 a b c", "1 2 a b b", "blob `b` is written twice"),
        ("1 1 b d", "1 1 z d", "`conv` (Convolution): nobody wrote blob `z`"),
        ("6=216", "6=217", "217 weights do not make 6 filters"),
        ("Pooling pool 1 1", "Pooling pool 1 x", "line 7: `x` is not the number of outputs"),
        ("-23300=2,1", "-23300=3,1", "2 elements, not 3"),
        ("0=3\n", "0=9\n", "order 9 of 3 axes is unknown"),
        ("-23330=4,2,5,3,1", "-23330=4,9,5,3,1", "states no shapes"),
        ("1=3 4=1", "1=99999999999 4=1", "99999999999 is no extent"),
    ] {
        let error = read(&SMALL.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.starts_with("file: ") && error.contains(expected), "{error}");
    }
}

/// The place of the error was once computed from another text, and overflowed.
#[test]
fn a_file_that_ends_after_its_first_line() {
    let error = read("7767517 \n").unwrap_err();
    assert!(matches!(error, tachograph_import::Error::Decode { offset: 9, length: 9, .. }), "{error}");
}

/// The cases of every layer, beside the texts above.
fn texts() -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Case {
        text: String,
    }
    let cases: Vec<Case> = serde_json::from_str(include_str!("golden/ncnn_shapes.json")).unwrap();
    let all = [SMALL, DECODER].into_iter().map(str::to_owned);
    all.chain(cases.into_iter().map(|case| case.text)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bytes(
        text in prop::sample::select(texts()),
        flips in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![any::<u8>(), b'-'..=b'9']), 1..6),
    ) {
        let mut bytes = text.into_bytes();
        for (place, value) in flips {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(model) = ncnn::read(&bytes.into(), "file") {
            let config = model.graph.hyperparameters().keys().map(|name| (name.clone(), 2)).collect();
            let _ = model.graph.bind(&config).and_then(|bound| bound.cost());
        }
    }
}
