//! ncnn's models: every shape that a file states, and the costs of known networks.

use tachograph_import::load;
use tachograph_ir::{Assignment, Dim, Graph, TensorId, TensorKind};

use crate::common::files;

/// Sizes of the images where files state none, from ncnn's `benchmark/benchncnn.cpp`.
fn image(name: &str) -> Assignment {
    let size = match name {
        "vision_transformer" => 384,
        "FastestDet" => 352,
        _ => return Assignment::new(),
    };
    Assignment::from([("height".into(), size), ("width".into(), size)])
}

/// The graph without what the file states of results, except those of custom operators.
fn unstated(graph: &Graph) -> Graph {
    let mut parts = graph.clone().into_parts();
    let custom: Vec<TensorId> =
        parts.nodes.iter().filter(|n| n.op.is_custom()).flat_map(|n| n.outputs.iter().flatten().copied()).collect();
    for (i, tensor) in parts.tensors.iter_mut().enumerate() {
        if tensor.kind == TensorKind::Activation && !custom.contains(&TensorId(i as u32)) {
            tensor.dims = None;
        }
    }
    Graph::new(parts).unwrap()
}

#[test]
#[ignore = "needs TACHOGRAPH_DATA (published sets)"]
fn all_models_have_the_shapes_that_they_state() {
    let (mut read, mut compared) = (0, 0);
    for path in files("TACHOGRAPH_DATA", "ncnn/models", ".param") {
        let model = load(&path).unwrap();
        let bound = unstated(&model.graph).bind(&image(model.graph.name())).unwrap();
        for (i, tensor) in model.graph.tensors().iter().enumerate() {
            let inferred = bound.shape(TensorId(i as u32));
            assert!(inferred.is_some() || tensor.name == "output", "{}: `{}`", path.display(), tensor.name);
            let Some(stated) = tensor.dims.as_ref().filter(|_| tensor.kind == TensorKind::Activation) else { continue };
            let inferred: Vec<Dim> = inferred.unwrap().iter().map(|&n| Dim::Fixed(n)).collect();
            assert_eq!(inferred, *stated, "{}: `{}`", path.display(), tensor.name);
            compared += 1;
        }
        assert!(bound.cost().unwrap().macs > 10_000_000, "{}", path.display());
        read += 1;
    }
    assert_eq!((read, compared), (35, 2638), "files and shapes");
}

/// Millions of multiply–accumulates of the original networks, as torchvision states them (`_ops`).
#[test]
#[ignore = "needs TACHOGRAPH_DATA (published sets)"]
fn known_networks_have_their_costs() {
    let files = files("TACHOGRAPH_DATA", "ncnn/models", ".param");
    for (name, macs) in [("vgg16", 15470.0), ("resnet18", 1814.0)] {
        let path = files.iter().find(|p| p.file_stem().is_some_and(|s| s == name)).unwrap();
        let ours = load(path).unwrap().graph.bind(&Assignment::new()).unwrap().cost().unwrap().macs as f64 / 1e6;
        assert!((ours / macs - 1.0).abs() < 0.01, "{name}: {ours} M");
    }
}
