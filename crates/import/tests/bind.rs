//! What binding assumes, and what it says of names that are missing or cannot be bound.

use tachograph_import::{Imported, onnx};
use tachograph_ir::{Assignment, Builder, DType, Dim, Domain};

/// An ONNX file with an input of these dimensions, and weights of `shape` that it is multiplied by from the left, if any.
fn model(dims: Vec<Dim>, shape: &[u64]) -> Imported {
    let mut b = Builder::new("net");
    for name in dims.iter().filter_map(|dim| if let Dim::Free(name) = dim { Some(name) } else { None }) {
        b.hyperparameter(name, Domain::POSITIVE, 6);
    }
    let x = b.input("x", DType::F32, dims);
    let mut y = b.op("Relu", &[x]).unwrap();
    if !shape.is_empty() {
        let w = b.parameter(shape);
        y = b.op("MatMul", &[w, y]).unwrap();
    }
    let bytes = onnx::write(&b.finish(&[y]).unwrap(), |_, _| None).unwrap();
    onnx::read(bytes.into(), "net").unwrap()
}

fn config<const N: usize>(pairs: [(&str, u64); N]) -> Assignment {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn message(model: &Imported, config: &Assignment) -> String {
    model.bind(config).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn an_open_batch_is_one_and_said() {
    for name in ["batch", "batch_size", "N"] {
        let model = model(vec![name.into(), 3.into()], &[]);
        let bound = model.bind(&Assignment::new()).unwrap();
        assert_eq!(bound.graph.batch(), 1);
        assert!(
            bound.notes[0].starts_with(&format!("`{name}` is open in the file and taken at 1")),
            "{:?}",
            bound.notes
        );
        let bound = model.bind(&config([(name, 8)])).unwrap();
        assert_eq!((bound.graph.batch(), bound.notes.len()), (8, 0));
    }
}

#[test]
fn every_other_open_dimension_is_named_at_once() {
    let model = model(vec!["batch".into(), "a=b".into(), "seq".into()], &[]);
    assert_eq!(
        message(&model, &Assignment::new()),
        "net: open without a value: `a=b` (axis 1 of `x`), `seq` (axis 2 of `x`); bind them such as a=b=128,seq=128"
    );
    assert_eq!(
        message(&model, &config([("a=b", 4)])),
        "net: open without a value: `seq` (axis 2 of `x`); bind it such as a=b=4,seq=128"
    );
    assert_eq!(model.bind(&config([("a=b", 4), ("seq", 7)])).unwrap().graph.batch(), 1);
}

#[test]
fn a_batch_that_cannot_be_freed_says_which_node_holds_it() {
    let model = model(vec![2.into(), 12.into()], &[5, 2]);
    let text = message(&model, &config([("batch", 8)]));
    assert!(text.starts_with("net: `batch` cannot be bound: the batch stays fixed at 2: "), "{text}");
    assert!(text.contains("(MatMul)"), "{text}");
}

#[test]
fn other_names_are_told_what_there_is() {
    let model = model(vec![2.into(), 12.into()], &[]);
    assert_eq!(
        message(&model, &config([("seq", 8)])),
        "net: `seq` cannot be bound: nothing is called so; there are `batch` (inputs are `x` f32[batch, 12])"
    );
    assert_eq!(
        message(&model, &config([("Batch", 8)])),
        "net: `Batch` cannot be bound: nothing is called so; did you mean `batch`? there are `batch` (inputs are `x` \
         f32[batch, 12])"
    );
    assert_eq!(message(&model, &config([("batch", 0)])), "net: `batch` cannot be 0: it must be at least 1");
}
