//! What older operator sets meant, said as newer ones say it.

use std::collections::HashSet;

use tachograph_ir::{Attr, DType, Node, OpType, Tensor, Value};

use super::{names::Names, proto::NodeProto};

/// Rewrites what depends on the version of the standard operator set.
pub(super) fn normalise(node: &mut Node, opset: i64, names: &mut Names) {
    let default = |node: &mut Node, name: &str, value: i64| {
        node.attrs.entry(name.into()).or_insert(Attr::Int(value));
    };
    match node.op.name() {
        // Until 13 the operand was flattened to two dimensions at `axis`. Where that is the last axis,
        // as in every classifier, both meanings agree; shapes agree always.
        "Softmax" | "LogSoftmax" | "Hardmax" if opset < 13 => default(node, "axis", 1),
        "Concat" if opset < 4 => default(node, "axis", 1),
        "Split" if !node.attrs.contains_key("split") && node.inputs.get(1).is_none_or(Option::is_none) => {
            default(node, "num_outputs", node.outputs.len() as i64);
        }
        "Upsample" => upsample(node, names),
        _ => {}
    }
}

/// Upsample is Resize with another order of operands and coordinates that start at the corner.
fn upsample(node: &mut Node, names: &mut Names) {
    node.op = OpType::new("Resize");
    if let Some(Attr::Floats(scales)) = node.attrs.remove("scales") {
        let name = format!("{}/scales", node.name);
        let shape = [scales.len() as u64];
        let tensor = Tensor::constant(name, DType::F32, &shape, Value::Floats(scales));
        node.inputs.truncate(1);
        node.inputs.push(names.define(tensor).ok());
    }
    node.inputs.insert(node.inputs.len().min(1), None);
    node.attrs.insert("coordinate_transformation_mode".into(), "asymmetric".into());
    node.attrs.insert("nearest_mode".into(), "floor".into());
}

/// Number of results at the end that nobody uses and that inference does not produce: running statistics of
/// a training step, masks of dropout, indices of pooling.
pub(super) fn unused_tail(node: &NodeProto, used: &HashSet<&str>) -> usize {
    if !matches!(node.op_type.as_str(), "BatchNormalization" | "Dropout" | "LayerNormalization" | "MaxPool") {
        return 0;
    }
    node.output.iter().skip(1).rev().take_while(|name| !used.contains(name.as_str())).count()
}
