//! ncnn's layers as operators, and what damage does.

#![cfg(feature = "ncnn")]

use bytes::Bytes;
use proptest::prelude::*;
use tachograph_import::{Imported, ncnn};
use tachograph_ir::{Assignment, DType, TensorId};

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

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bytes(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = SMALL.as_bytes().to_vec();
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
