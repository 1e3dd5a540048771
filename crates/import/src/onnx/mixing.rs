//! Operators that would mix what belongs to different examples of a batch.

use tachograph_ir::{Class, Node};

use super::rebatch::Rebatch;

/// What `node` does that no network does with its batch, if it does: adding over it, normalising over it, stepping
/// through it. The file's constants fit, but the batch is another axis.
pub(super) fn mixes(rebatch: &Rebatch<'_>, node: &Node) -> Option<&'static str> {
    let changed = |place: usize| -> Vec<bool> {
        match rebatch.shapes(node, place) {
            Some((old, new)) if old.len() == new.len() => old.iter().zip(&new).map(|(a, b)| a != b).collect(),
            _ => Vec::new(),
        }
    };
    let last = |axes: &[bool], from_end: usize| axes.iter().rev().nth(from_end).copied().unwrap_or(false);
    let x = changed(0);
    let flag = |name: &str| usize::from(node.int(name).unwrap_or(0) != 0);
    let along = |name: &str, default: i64| {
        let axis = node.int(name).unwrap_or(default);
        let axis = if axis < 0 { axis.checked_add(x.len() as i64) } else { Some(axis) };
        axis.and_then(|axis| usize::try_from(axis).ok()).unwrap_or(usize::MAX)
    };
    let mixed = match node.op.name() {
        "MatMul" | "MatMulInteger" => {
            let b = changed(1);
            last(&x, 0) || last(&b, usize::from(b.len() > 1))
        }
        "Gemm" => last(&x, flag("transA")) || last(&changed(1), 1 - flag("transB")),
        "Softmax" | "LogSoftmax" => x.get(along("axis", -1)).copied().unwrap_or(false),
        "LayerNormalization" | "RMSNormalization" | "SimplifiedLayerNormalization" => {
            x.get(along("axis", -1)..).unwrap_or_default().contains(&true)
        }
        "GRU" | "LSTM" | "RNN" => x.iter().enumerate().any(|(a, &moved)| moved && a != 1 - flag("layout")),
        "Attention" | "MultiHeadAttention" => x.iter().skip(1).any(|&moved| moved),
        // A batch may be folded into the groups, which the channels then are: that is for the file's extents to say.
        _ if spatial(node) => x.iter().skip(1).any(|&moved| moved),
        _ => false,
    };
    mixed.then_some("would work across the batch")
}

/// True for a gather with an index of the file's extents along an axis that the batch makes longer: the result is that of
/// the file. What follows may do with it (a mask), or not.
pub(super) fn picks(rebatch: &Rebatch<'_>, node: &Node) -> bool {
    let same = |place: usize| rebatch.shapes(node, place).filter(|(old, new)| old == new);
    let axis = usize::try_from(node.int("axis").unwrap_or(0)).unwrap_or(usize::MAX);
    let longer = rebatch.shapes(node, 0).is_some_and(|(old, new)| old.get(axis) != new.get(axis));
    node.op.name() == "Gather" && longer && same(1).is_some()
}

fn spatial(node: &Node) -> bool {
    let convolves = matches!(node.class(), Class::Convolution | Class::GroupedConvolution);
    convolves || matches!(node.op.name(), "AveragePool" | "InstanceNormalization" | "LpPool" | "MaxPool")
}
