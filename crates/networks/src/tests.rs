use std::collections::HashSet;

use tachograph_ir::{Assignment, BoundGraph, Graph, TensorId, elements};

use super::{gpt::MASK, reference::published, *};

const PER_FAMILY: u64 = 20;

/// Trained parameters, and multiply–accumulates in millions where they are published.
///
/// Parameters and MACs: `meta["num_params"]` and `meta["_ops"]` of the torchvision 0.26 weights; `vit_tiny`
/// from timm's `vit_tiny_patch16_224`; `bert_base` and `bert_tiny` from Hugging Face `BertModel`
/// (bert-base-uncased, google/bert_uncased_L-2_H-128_A-2), `gpt2` from `GPT2Model`; `nasbench201` is the
/// benchmark's 1.531546 M for the cell with six 3×3 convolutions.
const PUBLISHED: [(&str, u64, Option<f64>); 25] = [
    ("alexnet", 61_100_840, Some(714.0)),
    ("vgg11", 132_863_336, Some(7609.0)),
    ("vgg16", 138_357_544, Some(15470.0)),
    ("vgg16_bn", 138_365_992, Some(15470.0)),
    ("resnet18", 11_689_512, Some(1814.0)),
    ("resnet34", 21_797_672, Some(3664.0)),
    ("resnet50", 25_557_032, Some(4089.0)),
    ("resnext50_32x4d", 25_028_904, Some(4230.0)),
    ("wide_resnet50_2", 68_883_240, Some(11398.0)),
    ("googlenet", 6_624_904, Some(1498.0)),
    ("squeezenet1_0", 1_248_424, Some(819.0)),
    ("squeezenet1_1", 1_235_496, Some(349.0)),
    ("mobilenet_v2", 3_504_872, Some(301.0)),
    ("mobilenet_v3_large", 5_483_032, Some(217.0)),
    ("mobilenet_v3_small", 2_542_856, Some(57.0)),
    ("mnasnet0_5", 2_218_512, Some(104.0)),
    ("mnasnet1_0", 4_383_312, Some(314.0)),
    ("efficientnet_b0", 5_288_548, Some(386.0)),
    ("efficientnet_b1", 7_794_184, Some(687.0)),
    ("nasbench201", 1_531_546, None),
    ("vit_b_16", 86_567_656, Some(17564.0)),
    ("vit_tiny", 5_717_416, None),
    ("bert_base", 109_482_240, None),
    ("bert_tiny", 4_385_920, None),
    ("gpt2", 124_439_808, None),
];

fn bind(graph: &Graph) -> BoundGraph {
    graph.bind(&Assignment::new()).unwrap()
}

/// Weights that training learns: without the statistics of batch normalisation and without masks.
fn trained(graph: &BoundGraph) -> u64 {
    let nodes = graph.graph().nodes().map(|(_, node)| node);
    let statistics: HashSet<TensorId> = nodes
        .filter(|node| node.op.name() == "BatchNormalization")
        .flat_map(|node| node.inputs[3..5].iter().flatten().copied())
        .collect();
    let counted = |t: &TensorId| !statistics.contains(t) && graph.graph().tensor(*t).name != MASK;
    graph.weights().into_iter().filter(counted).map(|t| elements(graph.shape(t).unwrap()).unwrap()).sum()
}

#[test]
fn published_shapes_have_the_published_parameters() {
    let graphs = published(Norm::Kept, None).unwrap();
    assert_eq!(graphs.len(), PUBLISHED.len());
    for ((name, graph), (expected, parameters, _)) in graphs.iter().zip(PUBLISHED) {
        assert_eq!(*name, expected);
        assert_eq!(trained(&bind(graph)), parameters, "{name}");
    }
}

#[test]
fn published_shapes_have_the_published_arithmetic() {
    for ((name, graph), (_, _, expected)) in reference().iter().zip(PUBLISHED) {
        let macs = bind(graph).cost().unwrap().macs as f64 / 1e6;
        let Some(expected) = expected else { continue };
        assert!((macs - expected).abs() <= 0.5 + 0.001 * expected, "{name}: {macs} M, not {expected} M");
    }
}

#[test]
fn folding_removes_batch_normalisation() {
    let count = |graph: &Graph| graph.nodes().filter(|(_, n)| n.op.name() == "BatchNormalization").count();
    let (kept, folded) = (published(Norm::Kept, None).unwrap(), reference());
    let resnet = |graphs: &[(&str, Graph)]| graphs.iter().find(|(n, _)| *n == "resnet50").map(|(_, g)| count(g));
    assert_eq!((resnet(&kept), resnet(&folded)), (Some(53), Some(0)));
    assert!(folded.iter().all(|(name, graph)| count(graph) == usize::from(*name == "nasbench201")), "after a sum only");
}

#[test]
fn samples_are_deterministic_and_independent() {
    for family in Family::ALL {
        let json = |seed, index| serde_json::to_string(&sample(family, seed, index).unwrap().graph).unwrap();
        let first = json(1, 5);
        assert_eq!(first, json(1, 5), "{family}");
        assert_ne!(first, json(2, 5), "{family}");
    }
}

#[test]
fn samples_are_distinct_known_and_within_bounds() {
    for family in Family::ALL {
        let mut seen = HashSet::new();
        for index in 0..PER_FAMILY {
            let Generated { graph, .. } = sample(family, 3, index).unwrap();
            let place = format!("{family} {index}");
            let cost = bind(&graph).cost().unwrap();
            assert!(FLOPS.contains(&cost.flops) && NODES.contains(&graph.len()), "{place}: {cost:?}");
            for batch in [None, Some(3)] {
                let config: Assignment = batch.map(|n| ("batch".to_owned(), n)).into_iter().collect();
                let bound = graph.bind(&config).unwrap_or_else(|e| panic!("{place}: {e}"));
                assert_eq!(bound.unknown_nodes().count(), 0, "{place}");
                let unknown = graph.tensors().iter().zip(0..).find(|(_, i)| bound.shape(TensorId(*i)).is_none());
                assert!(unknown.is_none(), "{place}: {unknown:?}");
                let output = bound.shape(graph.outputs()[0]).unwrap();
                assert_eq!(output[0], bound.batch(), "{place}: output {output:?}");
            }
            let names: HashSet<_> = graph.tensors().iter().map(|t| &t.name).collect();
            assert_eq!(names.len(), graph.tensors().len(), "{place}: tensor names repeat");
            let mut parts = graph.into_parts();
            parts.name.clear();
            assert!(seen.insert(serde_json::to_string(&parts).unwrap()), "{place} is a repetition");
        }
    }
}

/// `cargo test -p tachograph-networks --release -- --ignored --nocapture distribution`
#[test]
#[ignore = "prints the distribution of 100 samples a family"]
fn distribution() {
    let quantiles = |values: &mut Vec<u64>, unit: f64| {
        values.sort_unstable();
        let at = |q: usize| format!("{:8.1}", values[(values.len() - 1) * q / 100] as f64 / unit);
        [0, 10, 25, 50, 75, 90, 100].map(at).concat()
    };
    println!("family         FLOPs (M): min, 10 %, 25 %, 50 %, 75 %, 90 %, max | nodes | bytes (MB) | parameters (k)");
    for family in Family::ALL {
        let graphs: Vec<_> = (0..100).map(|i| sample(family, 0, i).unwrap().graph).collect();
        let costs: Vec<_> = graphs.iter().map(|g| bind(g).cost().unwrap()).collect();
        println!(
            "{family:14}{} |{} |{} |{}",
            quantiles(&mut costs.iter().map(|c| c.flops).collect(), 1e6),
            quantiles(&mut graphs.iter().map(|g| g.len() as u64).collect(), 1.0),
            quantiles(&mut costs.iter().map(|c| c.bytes()).collect(), 1e6),
            quantiles(&mut costs.iter().map(|c| c.parameters).collect(), 1e3),
        );
    }
}
