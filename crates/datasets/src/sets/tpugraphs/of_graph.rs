//! Networks of this workspace in TpuGraphs' columns.

use std::collections::HashMap;

use tachograph_ir::{BoundGraph, Node, NodeId, TensorId};

use super::{Operation, OperatorGraph, WindowExtent};

/// XLA's names of operators, or what stands nearest to one.
fn name(operator: &str) -> &'static str {
    match operator {
        "Conv" | "ConvTranspose" => "convolution",
        "MatMul" | "Gemm" => "dot",
        "MaxPool" | "AveragePool" | "LpPool" => "reduce-window",
        "GlobalAveragePool" | "GlobalMaxPool" | "ArgMax" | "ArgMin" => "reduce",
        reduction if reduction.starts_with("Reduce") => "reduce",
        "Add" | "Sum" => "add",
        "Sub" => "subtract",
        "Mul" => "multiply",
        "Div" => "divide",
        "Pow" => "power",
        "Relu" | "Max" => "maximum",
        "Min" => "minimum",
        "LeakyRelu" | "PRelu" | "Elu" | "Where" => "select",
        "Clip" => "clamp",
        "Sigmoid" => "logistic",
        "Tanh" => "tanh",
        "Exp" => "exponential",
        "Log" => "log",
        "Sqrt" => "sqrt",
        "Neg" => "negate",
        "Abs" => "abs",
        "Floor" => "floor",
        "Ceil" => "ceil",
        "Sin" => "sine",
        "Cos" => "cosine",
        "BatchNormalization" => "batch-norm-inference",
        "Concat" => "concatenate",
        "Slice" | "Split" => "slice",
        "Pad" => "pad",
        "Transpose" => "transpose",
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity" | "Dropout" => "reshape",
        "Cast" => "convert",
        "Expand" | "Tile" => "broadcast",
        "Gather" | "GatherElements" | "GatherND" => "gather",
        "Equal" | "Greater" | "Less" => "compare",
        "TopK" => "sort",
        "Softmax" | "LogSoftmax" => "softmax",
        "LayerNormalization" | "InstanceNormalization" | "GroupNormalization" | "RMSNormalization" | "LRN" => {
            "normalization"
        }
        "HardSigmoid" | "HardSwish" | "Swish" | "Mish" => "swish",
        "Gelu" | "Erf" => "gelu",
        "Resize" | "Upsample" => "resize",
        "Attention" | "MultiHeadAttention" => "attention",
        _ => "",
    }
}

impl OperatorGraph {
    /// The operators of a network, and a node for each input (`parameter`) and weight (`constant`) that they read; also the number
    /// of each operator's node. What shape arithmetic knows has no node.
    pub fn of(bound: &BoundGraph) -> (Self, HashMap<NodeId, u32>) {
        let (mut graph, mut nodes, mut makers) = (Self::default(), HashMap::new(), HashMap::new());
        let mut parameters = 0;
        let known = |id: TensorId| bound.fact(id).value.is_some();
        for &id in bound.live() {
            let node = bound.graph().node(id);
            if node.outputs.iter().flatten().all(|&output| known(output)) {
                continue;
            }
            let mut operands = Vec::new();
            for tensor in node.inputs.iter().flatten().copied().filter(|&tensor| !known(tensor)) {
                operands.push(*makers.entry(tensor).or_insert_with(|| {
                    let (name, parameter) = match bound.is_parameter(tensor) {
                        true => ("constant", 0),
                        false => ("parameter", parameters),
                    };
                    parameters += usize::from(name == "parameter");
                    graph.add(&Operation { name, parameter, ..result(bound, Some(tensor)) }, [])
                }));
            }
            let made = graph.add(&operation(bound, node), operands);
            nodes.insert(id, made);
            makers.extend(node.outputs.iter().flatten().map(|&output| (output, made)));
        }
        (graph, nodes)
    }
}

/// Type and extents of a tensor.
fn result(bound: &BoundGraph, tensor: Option<TensorId>) -> Operation {
    let shape = tensor.and_then(|id| bound.shape(id)).unwrap_or_default().to_vec();
    Operation { dtype: tensor.map(|id| bound.fact(id).dtype), shape, ..Operation::default() }
}

fn operation(bound: &BoundGraph, node: &Node) -> Operation {
    let first = |tensors: &[Option<TensorId>]| tensors.first().copied().flatten();
    let made = result(bound, first(&node.outputs));
    let operator = node.op.name();
    let roots = bound.graph().outputs();
    let rank = first(&node.inputs).and_then(|id| bound.shape(id)).map_or(0, <[u64]>::len);
    let from_end = |axis: i64| if axis < 0 { axis + rank as i64 } else { axis };
    let spatial = || 2..rank as i64;
    let dimensions = match operator {
        "Transpose" => node.ints("perm").unwrap_or_default().to_vec(),
        "GlobalAveragePool" | "GlobalMaxPool" => spatial().collect(),
        reduction if reduction.starts_with("Reduce") => axes(bound, node).iter().copied().map(from_end).collect(),
        _ => node.int("axis").map(from_end).into_iter().collect(),
    };
    let kernel = match operator {
        "Conv" | "ConvTranspose" => node.inputs.get(1).copied().flatten().and_then(|id| bound.shape(id)),
        _ => None,
    };
    let sizes: Vec<i64> = match (kernel, node.ints("kernel_shape")) {
        (Some(shape), _) => shape.iter().skip(2).map(|&extent| extent as i64).collect(),
        (None, sizes) => sizes.unwrap_or_default().to_vec(),
    };
    let at = |attribute: &str, i: usize, default: i64| node.int_at(attribute, i).unwrap_or(default);
    let window = sizes.iter().enumerate().map(|(i, &size)| WindowExtent {
        size,
        stride: at("strides", i, 1),
        padding: [at("pads", i, 0), at("pads", i + sizes.len(), 0)],
        dilation: at("dilations", i, 1),
    });
    Operation {
        name: name(operator),
        root: node.outputs.iter().flatten().any(|output| roots.contains(output)),
        dimensions,
        window: window.collect(),
        convolves: kernel.is_some(),
        groups: kernel.map_or(0, |_| node.int("group").map_or(1, i64::unsigned_abs)),
        ..made
    }
}

/// The axes of a reduction, which are an attribute or an operand.
fn axes<'a>(bound: &'a BoundGraph, node: &'a Node) -> &'a [i64] {
    let operand = node.inputs.get(1).copied().flatten().and_then(|id| bound.fact(id).value.as_ref());
    match (node.ints("axes"), operand) {
        (Some(axes), _) => axes,
        (None, Some(tachograph_ir::Value::Ints(axes))) => axes,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use tachograph_ir::{Assignment, Builder, DType};

    use super::*;

    #[test]
    fn a_network_is_a_graph_of_xla() {
        let mut b = Builder::new("network");
        let x = b.input("x", DType::F32, [1u64, 8, 9, 9].map(Into::into).to_vec());
        let y = b.conv(x, 16, [3, 3], 2, 1, 4, true).unwrap();
        let y = b.op("Relu", &[y]).unwrap();
        let y = b.op("GlobalAveragePool", &[y]).unwrap();
        let y = b.op("Flatten", &[y]).unwrap();
        let y = b.op("Softmax", &[y]).unwrap();
        let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
        let (graph, nodes) = OperatorGraph::of(&bound);
        // Input, weight and bias; the operators.
        assert_eq!(graph.opcodes, [63, 24, 24, 26, 57, 70, 75, 121]);
        assert_eq!(graph.edges, [(0, 3), (1, 3), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7)]);
        let at = |node: u32, column: usize| graph.features[(node as usize, column)];
        let convolution = nodes[&bound.live()[0]];
        assert_eq!((nodes.len(), convolution), (5, 3));
        // Batch, channels, space; the window's first size, stride and padding; groups.
        assert_eq!([21, 22, 23, 24, 37, 45, 53].map(|column| at(3, column)), [1.0, 16.0, 5.0, 5.0, 3.0, 2.0, 1.0]);
        assert_eq!(at(3, 107), 4.0);
        assert_eq!([31, 32].map(|column| at(5, column)), [2.0, 3.0]);
        assert_eq!((at(7, 0), at(3, 0)), (1.0, 0.0));
    }
}
