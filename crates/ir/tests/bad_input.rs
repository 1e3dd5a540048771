//! Each malformed graph or file gets an error that names the place, never a panic.

use tachograph_ir::{
    Assignment, Attrs, Builder, DType, Device, Dim, Domain, Error, Graph, Node, OpType, Parts, Phase, Tensor, TensorId,
};

fn relu(name: &str, from: u32, to: u32) -> Node {
    let (inputs, outputs) = (vec![Some(TensorId(from))], vec![Some(TensorId(to))]);
    Node { name: name.into(), op: OpType::new("Relu"), attrs: Attrs::new(), inputs, outputs, phase: Phase::Forward }
}

/// Input 0 of shape `dims`, activations 1 and 2, output 2.
fn parts(dims: Vec<Dim>, nodes: Vec<Node>) -> Parts {
    let tensors = vec![Tensor::input("x", DType::F32, dims), Tensor::activation("a"), Tensor::activation("b")];
    let (inputs, outputs) = (vec![TensorId(0)], vec![TensorId(2)]);
    Parts { name: "bad".into(), tensors, nodes, inputs, outputs, hyperparameters: Default::default() }
}

#[test]
fn cycle() {
    let nodes = vec![relu("first", 2, 1), relu("second", 1, 2)];
    let error = Graph::new(parts(vec![4.into()], nodes)).unwrap_err();
    assert!(matches!(&error, Error::Cycle { node } if node == "first" || node == "second"), "{error}");
}

#[test]
fn dangling_tensors() {
    let error = Graph::new(parts(vec![4.into()], vec![relu("only", 1, 2)])).unwrap_err();
    assert!(error.to_string().contains("only") && error.to_string().contains("`a`"), "{error}");
    for nodes in [vec![relu("far", 99, 2)], vec![relu("far", 0, 99)]] {
        let error = Graph::new(parts(vec![4.into()], nodes)).unwrap_err();
        assert!(matches!(&error, Error::Dangling { tensor, .. } if tensor == "#99"), "{error}");
    }
    let error = Graph::new(parts(vec![4.into()], vec![relu("r", 0, 1)])).unwrap_err();
    assert!(matches!(&error, Error::Dangling { place, .. } if place == "graph outputs"), "{error}");
}

#[test]
fn redefined_tensors() {
    let error = Graph::new(parts(vec![4.into()], vec![relu("a", 0, 2), relu("b", 0, 2)])).unwrap_err();
    assert!(matches!(&error, Error::Redefined { tensor, node } if tensor == "b" && node == "b"), "{error}");
    let error = Graph::new(parts(vec![4.into()], vec![relu("a", 0, 2), relu("w", 2, 0)])).unwrap_err();
    assert!(matches!(&error, Error::Redefined { tensor, .. } if tensor == "x"), "{error}");
}

#[test]
fn overflowing_shapes() {
    let huge = vec![u64::MAX.into(), 2.into()];
    let graph = Graph::new(parts(huge, vec![relu("r", 0, 2)])).unwrap();
    let error = graph.bind(&Assignment::new()).unwrap_err();
    assert!(matches!(&error, Error::Overflow { place } if place.contains("`x`")), "{error}");
    // The operands fit, their product does not.
    let mut b = Builder::new("huge");
    let x = b.input("x", DType::F32, vec![(1 << 40).into(), 1.into()]);
    let w = b.parameter(&[1, 1 << 40]);
    let outcome = b.op("MatMul", &[x, w]).and_then(|y| b.finish(&[y])?.bind(&Assignment::new())?.cost());
    assert!(outcome.is_err());
}

#[test]
fn batch_outside_its_domain() {
    let mut b = Builder::new("g");
    b.hyperparameter("batch", Domain::Range { min: 1, max: 64, step: 1 }, 1);
    let x = b.input("x", DType::F32, vec!["batch".into(), 3.into()]);
    let y = b.op("Relu", &[x]).unwrap();
    let graph = b.finish(&[y]).unwrap();
    let bind = |name: &str, value| graph.bind(&Assignment::from([(name.into(), value)])).unwrap_err().to_string();
    assert_eq!(bind("batch", 65), "`batch` cannot be 65: it must be 1 to 64");
    assert_eq!(bind("batch", 0), "`batch` cannot be 0: it must be 1 to 64");
    assert_eq!(bind("bach", 1), "unknown hyperparameter `bach`: did you mean `batch`? there are `batch`");
    let words = |domain: Domain| domain.to_string();
    assert_eq!((words(Domain::POSITIVE), words(Domain::Set(vec![1, 4]))), ("at least 1".into(), "one of 1, 4".into()));
    assert_eq!(words(Domain::Range { min: 8, max: 64, step: 8 }), "8 to 64 in steps of 8");
}

#[test]
fn all_that_is_free_is_named_at_once_and_names_are_printed_safely() {
    let mut b = Builder::new("g");
    for name in ["s53", "s77", "w\x1b[31m"] {
        b.hyperparameter(name, Domain::POSITIVE, 1);
    }
    let x = b.input("x", DType::F32, vec!["s77".into(), "s53".into(), "w\x1b[31m".into()]);
    let y = b.op("Relu", &[x]).unwrap();
    let mut parts = b.finish(&[y]).unwrap().into_parts();
    parts.hyperparameters.values_mut().for_each(|h| h.default = None);
    parts.nodes[0].name = "line\nbreak".into();
    let graph = Graph::new(parts.clone()).unwrap();
    assert_eq!(
        graph.bind(&Assignment::new()).unwrap_err().to_string(),
        "`s53`, `s77`, `w\\u{1b}[31m` without a value: bind s53=…,s77=…,w\\u{1b}[31m=…"
    );
    parts.nodes[0].inputs = vec![Some(tachograph_ir::TensorId(7))];
    let error = Graph::new(parts).unwrap_err().to_string();
    assert!(error.starts_with("node `line\\nbreak` (Relu): tensor `#7`"), "{error}");
}

#[test]
fn an_extent_may_be_bound_to_nothing_but_no_space_proposes_it() {
    let mut b = Builder::new("g");
    b.hyperparameter("past", Domain::EXTENT, 4);
    let x = b.input("x", DType::F32, vec![2.into(), "past".into()]);
    let y = b.op("Relu", &[x]).unwrap();
    let graph = b.finish(&[y]).unwrap();
    let bound = graph.bind(&Assignment::from([("past".into(), 0)])).unwrap();
    assert_eq!((bound.shape(bound.graph().outputs()[0]), bound.cost().unwrap().flops), (Some(&[2, 0][..]), 0));
    assert_eq!(graph.space().get(0), Some(Assignment::from([("past".into(), 1)])));
}

#[test]
fn files_are_named_in_messages() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, contents: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path
    };
    let nodes = || vec![relu("r", 0, 2)];
    let graph = Graph::new(parts(vec![4.into()], nodes())).unwrap();
    for name in ["g.json", "g.tgir"] {
        graph.save(dir.path().join(name)).unwrap();
        assert_eq!(Graph::load(dir.path().join(name)).unwrap(), graph);
    }
    assert!(graph.save(dir.path().join("g.onnx")).is_err());

    let whole = graph.to_bytes().unwrap();
    let cyclic = parts(vec![4.into()], vec![relu("first", 2, 1), relu("second", 1, 2)]);
    let cyclic = serde_json::to_vec(&cyclic).unwrap();
    let bad = [
        write("cut.tgir", &whole[..whole.len() - 3]),
        write("other.tgir", b"\x08\x07 an ONNX file"),
        write("empty.json", b""),
        write("cut.json", &graph.to_json().unwrap().into_bytes()[..100]),
        write("cycle.json", &cyclic),
        dir.path().join("absent.tgir"),
    ];
    for path in bad {
        let error = Graph::load(&path).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let path = write("device.toml", b"name = 3");
    let error = Device::load(&path).unwrap_err().to_string();
    assert!(error.contains(path.to_str().unwrap()) && error.contains("line 1"), "{error}");
}
