//! What older operator sets meant, said as newer ones say it.

use std::collections::HashSet;

use tachograph_ir::{Attr, DType, Node, OpType, Tensor, TensorId, Value};

use super::{names::Names, proto::NodeProto};

/// Rewrites what depends on the version of the standard operator set.
pub(super) fn normalise(node: &mut Node, opset: i64, names: &mut Names) {
    let default = |node: &mut Node, name: &str, value: i64| {
        node.attrs.entry(name.into()).or_insert(Attr::Int(value));
    };
    match node.op.name() {
        "Cast" if opset < 6 => cast(node),
        "Concat" if opset < 4 => default(node, "axis", 1),
        "DFT" if opset < 20 => default(node, "axis", 1),
        "Dropout" if opset < 10 && node.outputs.len() > 1 => default(node, "typed_mask", 1),
        "DynamicSlice" => node.op = OpType::new("Slice"),
        "Pad" if opset < 2 => rename(node, "paddings", "pads"),
        // Slopes are of channels; until 7 nothing broadcast as in NumPy.
        "PRelu" if opset < 7 => default(node, "axis", 1),
        // A batch first, and the lengths of its sequences, which are at most those of the tensor.
        "Scan" if opset < 9 => {
            node.inputs.drain(..node.inputs.len().min(1));
            default(node, "batched", 1);
        }
        // Until 13 the operand was flattened to two dimensions at `axis`. Where that is the last axis,
        // as in every classifier, both meanings agree; shapes agree always.
        "Softmax" | "LogSoftmax" | "Hardmax" if opset < 13 => default(node, "axis", 1),
        "Split" if !node.attrs.contains_key("split") && node.inputs.get(1).is_none_or(Option::is_none) => {
            default(node, "num_outputs", node.outputs.len() as i64);
        }
        "Upsample" => upsample(node, names),
        _ => {}
    }
}

fn rename(node: &mut Node, old: &str, new: &str) {
    if let Some(attr) = node.attrs.remove(old) {
        node.attrs.entry(new.into()).or_insert(attr);
    }
}

/// Until 6 the type was a text.
fn cast(node: &mut Node) {
    const TYPES: [&str; 15] = [
        "FLOAT",
        "UINT8",
        "INT8",
        "UINT16",
        "INT16",
        "INT32",
        "INT64",
        "STRING",
        "BOOL",
        "FLOAT16",
        "DOUBLE",
        "UINT32",
        "UINT64",
        "COMPLEX64",
        "COMPLEX128",
    ];
    if let Some(Attr::Str(name)) = node.attrs.get("to")
        && let Some(place) = TYPES.iter().position(|known| *known == name.as_str())
    {
        node.attrs.insert("to".into(), Attr::Int(place as i64 + 1));
    }
}

/// Upsample is Resize with another order of operands and coordinates that start at the corner.
fn upsample(node: &mut Node, names: &mut Names) {
    node.op = OpType::new("Resize");
    let scale = |node: &mut Node, name: &str| match node.attrs.remove(name) {
        Some(Attr::Float(scale)) => Some(scale),
        _ => None,
    };
    // At first only images could be upsampled.
    let image = (scale(node, "height_scale"), scale(node, "width_scale"));
    let scales = match (node.attrs.remove("scales"), image) {
        (Some(Attr::Floats(scales)), _) => Some(scales),
        (_, (Some(height), Some(width))) => Some(vec![1.0, 1.0, height, width]),
        _ => None,
    };
    if let Some(scales) = scales {
        node.inputs.truncate(1);
        node.inputs.push(constant(node, "scales", DType::F32, Value::Floats(scales), names));
    }
    node.inputs.insert(node.inputs.len().min(1), None);
    node.attrs.insert("coordinate_transformation_mode".into(), "asymmetric".into());
    node.attrs.insert("nearest_mode".into(), "floor".into());
}

fn constant(node: &Node, what: &str, dtype: DType, value: Value, names: &mut Names) -> Option<TensorId> {
    let shape = [value.len() as u64];
    names.define(Tensor::constant(format!("{}/{what}", node.name), dtype, &shape, value)).ok()
}

/// Number of results at the end that nobody uses and that inference does not produce: running statistics of
/// a training step, masks of dropout, indices of pooling.
pub(super) fn unused_tail(node: &NodeProto, used: &HashSet<&str>) -> usize {
    if !matches!(node.op_type.as_str(), "BatchNormalization" | "Dropout" | "LayerNormalization" | "MaxPool") {
        return 0;
    }
    node.output.iter().skip(1).rev().take_while(|name| !used.contains(name.as_str())).count()
}
