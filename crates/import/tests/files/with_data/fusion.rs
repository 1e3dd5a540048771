//! The fusion partition of real models: number, contents and order of the groups.

use std::collections::{BTreeMap, HashMap};

use tachograph_import::load;
use tachograph_ir::{Assignment, BoundGraph, FusionRule, NodeId};

use crate::common::models;

fn bind(folder: &str, file: &str, config: Assignment) -> BoundGraph {
    let path = models(folder).into_iter().find(|p| p.file_name().is_some_and(|name| name == file));
    let path = path.unwrap_or_else(|| panic!("no {file} in {folder}"));
    load(&path).unwrap().graph.bind(&config).unwrap()
}

/// The operators of each group, after checks that hold for every partition.
fn groups(bound: &BoundGraph) -> Vec<String> {
    let groups = bound.fuse(&FusionRule::default());
    let group_of: HashMap<NodeId, usize> =
        groups.iter().enumerate().flat_map(|(i, group)| group.nodes.iter().map(move |&id| (id, i))).collect();
    assert_eq!(group_of.len(), bound.live().len(), "every live node is in one group");
    assert_eq!(groups.iter().map(|g| g.nodes.len()).sum::<usize>(), bound.live().len());
    let mut operators = Vec::new();
    for (i, group) in groups.iter().enumerate() {
        for &id in &group.nodes {
            for t in bound.graph().node(id).inputs.iter().flatten() {
                let Some(producer) = bound.graph().producer(*t).filter(|p| group_of.contains_key(p)) else { continue };
                assert!(group_of[&producer] <= i, "group {i} reads a later one");
                let last = groups[group_of[&producer]].nodes.last();
                assert!(group_of[&producer] == i || last == Some(&producer), "only the last result leaves a group");
            }
        }
        let names: Vec<&str> = group.nodes.iter().map(|&id| bound.graph().node(id).op.name()).collect();
        operators.push(names.join("+"));
    }
    operators
}

/// How often each sequence of operators makes a group.
fn count(groups: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    groups.iter().for_each(|group| *counts.entry(group.as_str()).or_insert(0) += 1);
    counts
}

/// 53 convolutions (33 with ReLU, 16 that end a block, 4 shortcuts) and what surrounds them.
#[test]
#[ignore = "needs TACHOGRAPH_MODELS (model files)"]
fn resnet_50() {
    let bound = bind("timm", "resnet50__224.onnx.gz", Assignment::new());
    let groups = groups(&bound);
    let expected = [
        ("Conv+BatchNormalization", 4),
        ("Conv+BatchNormalization+Add+Relu", 16),
        ("Conv+BatchNormalization+Relu", 33),
        ("Flatten", 1),
        ("Gemm", 1),
        ("GlobalAveragePool", 1),
        ("MaxPool", 1),
    ];
    assert_eq!((groups.len(), count(&groups)), (57, expected.into()));
    // The shortcut of the first block is exported after its branch, so the sum joins the shortcut.
    let order = [
        "Conv+BatchNormalization+Relu",
        "MaxPool",
        "Conv+BatchNormalization+Relu",
        "Conv+BatchNormalization+Relu",
        "Conv+BatchNormalization",
        "Conv+BatchNormalization+Add+Relu",
        "Conv+BatchNormalization+Relu",
    ];
    assert_eq!(groups[..order.len()], order);
    assert_eq!(groups[groups.len() - 3..], ["GlobalAveragePool", "Flatten", "Gemm"]);
}

/// 15 blocks, 10 of them residual and 8 with squeeze-and-excite, whose gate joins its second convolution.
#[test]
#[ignore = "needs TACHOGRAPH_MODELS (model files)"]
fn mobilenet_v3() {
    let bound = bind("timm", "mobilenetv3_large_100__224.onnx.gz", Assignment::new());
    let groups = groups(&bound);
    let expected = [
        ("Conv+BatchNormalization", 5),
        ("Conv+BatchNormalization+Add", 10),
        ("Conv+BatchNormalization+HardSwish", 20),
        ("Conv+BatchNormalization+Relu", 11),
        ("Conv+HardSigmoid+Mul", 8),
        ("Conv+HardSwish", 1),
        ("Conv+Relu", 8),
        ("Flatten", 1),
        ("Gemm", 1),
        ("GlobalAveragePool", 1),
        ("ReduceMean", 8),
    ];
    assert_eq!((groups.len(), count(&groups)), (74, expected.into()));
    let order = [
        "Conv+BatchNormalization+HardSwish",
        "Conv+BatchNormalization+Relu",
        "Conv+BatchNormalization+Add",
        "Conv+BatchNormalization+Relu",
        "Conv+BatchNormalization+Relu",
        "Conv+BatchNormalization",
    ];
    assert_eq!(groups[..order.len()], order);
}

/// Twelve layers of four matrix products with bias (Gelu as Div, Erf, Add, Mul, Mul joins the third, residuals the
/// second and the last) and two between activations.
#[test]
#[ignore = "needs TACHOGRAPH_MODELS (model files)"]
fn vision_transformer() {
    let bound = bind("timm", "vit_base_patch16_224__224.onnx.gz", Assignment::new());
    let groups = groups(&bound);
    let counts = count(&groups);
    for (group, times) in [
        ("MatMul", 24),
        ("MatMul+Add", 12),
        ("MatMul+Add+Add", 24),
        ("MatMul+Add+Div+Erf+Add+Mul+Mul", 12),
        ("LayerNormalization", 25),
        ("Softmax", 12),
        ("Mul", 12),
        ("Add", 1),
        ("Conv", 1),
        ("Gemm", 1),
    ] {
        assert_eq!(counts.get(group), Some(&times), "{group}");
    }
    assert_eq!(groups.len(), 237);
    let end = ["LayerNormalization", "MatMul+Add+Div+Erf+Add+Mul+Mul", "MatMul+Add+Add", "LayerNormalization"];
    assert_eq!(groups[groups.len() - 6..groups.len() - 2], end);
    assert_eq!(groups.last().map(String::as_str), Some("Gemm"));
}

/// Twelve layers: scores take scale and mask along, Gelu is one operator.
#[test]
#[ignore = "needs TACHOGRAPH_MODELS (model files)"]
fn bert() {
    let config = Assignment::from([("batch".into(), 1), ("seq".into(), 128)]);
    let bound = bind("dynamic", "hf_bert_base.onnx.gz", config);
    let groups = groups(&bound);
    let counts = count(&groups);
    for (group, times) in [
        ("MatMul", 12),
        ("MatMul+Add", 36),
        ("MatMul+Add+Add", 24),
        ("MatMul+Add+Gelu", 12),
        ("MatMul+Mul+Add", 12),
        ("LayerNormalization", 25),
        ("Softmax", 12),
        ("Add+Add", 1),
    ] {
        assert_eq!(counts.get(group), Some(&times), "{group}");
    }
    assert_eq!(groups.len(), 238);
    let end = ["LayerNormalization", "MatMul+Add+Gelu", "MatMul+Add+Add", "LayerNormalization"];
    assert_eq!(groups[groups.len() - 4..], end);
}
