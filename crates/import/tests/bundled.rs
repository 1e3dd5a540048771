//! The models that this repository brings along.

mod common;

use common::bundled;
use tachograph_import::load;
use tachograph_ir::{Assignment, Cost, Graph};

fn cost(graph: &Graph, batch: u64) -> Cost {
    graph.bind(&Assignment::from([("batch".into(), batch)])).unwrap().cost().unwrap()
}

#[test]
fn all_import_without_warnings_and_follow_the_batch() {
    let paths = bundled();
    assert!(paths.len() >= 8);
    for path in paths {
        let model = load(&path).unwrap();
        assert!(model.warnings.is_empty(), "{}: {:?}", path.display(), model.warnings);
        let bound = model.graph.bind(&Assignment::new()).unwrap();
        assert_eq!(bound.unknown_nodes().count(), 0, "{}", path.display());
        let (one, eight) = (cost(&model.graph, 1), cost(&model.graph, 8));
        assert_eq!((eight.macs, eight.parameters), (8 * one.macs, one.parameters), "{}", path.display());
    }
}

/// Learned parameters and statistics of batch normalisations, as PyTorch counts them in the same modules
/// (`sum(p.numel() for p in parameters())`, and the same over `running_*` buffers); GMACs as torchvision
/// documents them (`_ops` of the weights' metadata; 0 where it has no such model).
const KNOWN: [(&str, u64, u64, f64); 13] = [
    ("convnext_atto", 3_695_520, 0, 0.0),
    ("deit_tiny_patch16_224", 5_717_416, 0, 0.0),
    ("densenet121", 7_978_856, 83_648, 2.834),
    ("efficientnet_b0", 5_288_548, 42_016, 0.386),
    ("ghostnet_100", 5_182_508, 21_968, 0.0),
    ("inception_v3", 23_834_568, 34_432, 5.713),
    ("mixnet_s", 4_134_606, 32_192, 0.0),
    ("mobilevit_s", 5_578_632, 12_256, 0.0),
    ("regnety_004", 4_344_144, 27_152, 0.0),
    ("repvgg_a0", 9_108_968, 23_648, 0.0),
    ("resnext50_32x4d", 25_028_904, 68_224, 4.23),
    ("shufflenet_v2_x1_0", 2_278_604, 16_180, 0.145),
    ("squeezenet1_1", 1_235_496, 0, 0.349),
];

#[test]
fn costs_are_those_that_are_published() {
    for (name, learned, statistics, gmacs) in KNOWN {
        let path = bundled().into_iter().find(|p| p.ends_with(format!("{name}.onnx.gz"))).unwrap();
        let cost = cost(&load(&path).unwrap().graph, 1);
        assert_eq!(cost.parameters, learned + statistics, "{name}");
        let ours = cost.macs as f64 / 1e9;
        assert!(gmacs == 0.0 || (ours / gmacs - 1.0).abs() < 0.02, "{name}: {ours} GMACs, not {gmacs}");
    }
}
