//! Written models are read back as they were. `golden/check.py` shows them to ONNX and ONNX Runtime.

mod common;

use common::bundled;
use tachograph_import::{load, onnx};
use tachograph_ir::{Assignment, Attr, Builder, DType, Domain, Graph, Tensor, TensorId, attrs, elements};

/// Small weights of both signs, positive where they must be; `golden/check.py` has the same.
fn weights(_: TensorId, tensor: &Tensor) -> Option<Vec<f32>> {
    let shape = tensor.dims.as_ref()?.iter().map(|d| match d {
        tachograph_ir::Dim::Fixed(n) => Some(*n),
        tachograph_ir::Dim::Free(_) => None,
    });
    let shape = shape.collect::<Option<Vec<u64>>>()?;
    let variance = ["running_var", "_riv_0"].iter().any(|end| tensor.name.ends_with(end));
    let shift = if variance { 2500.0 } else { 0.0 };
    Some((0..elements(&shape)?).map(|i| ((i * 7919 % 101) as f32 - 50.0 + shift) / 2500.0).collect())
}

fn same(original: &Graph, written: &[u8]) {
    let read = onnx::read(written.to_vec().into(), "written").unwrap();
    assert_eq!(read.warnings, Vec::<String>::new());
    assert_eq!(read.opset, onnx::OPSET);
    // Defaults of free extents are not written.
    let config = original.complete(&Assignment::from([("batch".into(), 4)])).unwrap();
    let (a, b) = (original.bind(&config).unwrap(), read.graph.bind(&config).unwrap());
    // What moved from attributes to operands is read from there: a few bytes more.
    let cost = |c: tachograph_ir::Cost| (c.flops, c.macs, c.written, c.parameters);
    assert_eq!(cost(a.cost().unwrap()), cost(b.cost().unwrap()));
    assert_eq!(a.live().len(), b.live().len());
    for (&x, &y) in original.outputs().iter().zip(read.graph.outputs()) {
        assert_eq!((a.shape(x), a.fact(x).dtype), (b.shape(y), b.fact(y).dtype));
    }
}

#[test]
fn bundled_models_come_back() {
    for path in bundled() {
        let graph = load(&path).unwrap().graph;
        same(&graph, &onnx::write(&graph, |_, _| None).unwrap());
        if path.to_string_lossy().contains("squeezenet") {
            same(&graph, &onnx::write(&graph, weights).unwrap());
        }
    }
}

#[test]
fn built_graphs_come_back() {
    let mut b = Builder::new("built");
    b.hyperparameter("batch", Domain::Set(vec![1, 4]), 1);
    let x = b.input("x", DType::F32, vec!["batch".into(), 3.into(), 16.into(), 16.into()]);
    let x = b.conv(x, 8, [3, 3], 1, 1, 1, true).unwrap();
    let x = b.batch_norm(x).unwrap();
    let x = b.op_with("ReduceMean", &[x], attrs([("axes", vec![2, 3].into()), ("keepdims", Attr::Int(0))])).unwrap();
    let x = b.linear(x, 5).unwrap();
    let graph = b.finish(&[x]).unwrap();
    same(&graph, &onnx::write(&graph, |_, _| None).unwrap());
    same(&graph, &onnx::write(&graph, weights).unwrap());
}

#[test]
fn free_attributes_are_refused() {
    let mut b = Builder::new("free");
    b.hyperparameter("k", Domain::Set(vec![3]), 3);
    let x = b.input("x", DType::F32, vec![1.into(), 3.into(), 16.into(), 16.into()]);
    let kernel = attrs([("kernel_shape", Attr::Free { name: "k".into(), repeat: 2 })]);
    let x = b.op_with("MaxPool", &[x], kernel).unwrap();
    let graph = b.finish(&[x]).unwrap();
    let error = onnx::write(&graph, |_, _| None).unwrap_err();
    assert!(error.to_string().contains("attribute `kernel_shape` is free (`k`)"), "{error}");
    onnx::write(graph.bind(&Assignment::new()).unwrap().graph(), |_, _| None).unwrap();
}

/// Files for `golden/check.py`, in the folder `TACHOGRAPH_WRITTEN`.
#[test]
#[ignore = "writes hundreds of megabytes"]
fn files_for_the_checker() {
    let folder = std::path::PathBuf::from(std::env::var_os("TACHOGRAPH_WRITTEN").unwrap());
    for path in bundled() {
        let graph = load(&path).unwrap().graph;
        std::fs::write(folder.join(format!("{}.bare.onnx", graph.name())), onnx::write(&graph, |_, _| None).unwrap())
            .unwrap();
        std::fs::write(folder.join(format!("{}.full.onnx", graph.name())), onnx::write(&graph, weights).unwrap())
            .unwrap();
    }
}
