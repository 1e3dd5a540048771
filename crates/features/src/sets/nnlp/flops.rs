//! NNLP's own operation counts (`predictor/feature/onnx_flops.py` of ModelTC/NNLQP), quirks included.
//!
//! They differ from [`tachograph_ir::Cost`]: convolutions, fully connected layers and poolings count one
//! image whatever the batch, element-wise operators count the batch; a global average pooling counts the
//! ratio of *one* extent; a softmax counts the length of its *shape*; operators outside the table
//! (`MatMul` too: the released table spells it `Matmul`) count neither operations nor memory.
//! One thing differs from the released code: it stops at a `ConvTranspose` and at a bilinear `Upsample`,
//! which here count by the formulas it has for them.

use tachograph_ir::{BoundGraph, Node};

use super::OPERATORS;
use crate::attributes::{operand_shape, operands, result_shape};

/// Operations, parameters and memory accesses of a network by NNLP's rules.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NnlpCost {
    /// Operations.
    pub flops: f64,
    /// Elements of weights.
    pub parameters: f64,
    /// Elements of all results, plus `parameters`.
    pub memory_access: f64,
}

impl NnlpCost {
    /// Sum over the live nodes.
    pub fn of(bound: &BoundGraph) -> Self {
        let nodes = bound.live().iter().map(|&id| bound.graph().node(id));
        nodes.map(|node| Self::of_node(bound, node)).fold(Self::default(), |a, b| Self {
            flops: a.flops + b.flops,
            parameters: a.parameters + b.parameters,
            memory_access: a.memory_access + b.memory_access,
        })
    }

    /// One node. Tensors of unknown shape count as empty.
    pub fn of_node(bound: &BoundGraph, node: &Node) -> Self {
        if !OPERATORS.contains(&node.op.name()) {
            return Self::default();
        }
        let (flops, parameters) = count(bound, node).unwrap_or_default();
        let results = node.outputs.iter().flatten().filter_map(|&t| bound.shape(t)).map(product).sum::<f64>();
        Self { flops, parameters, memory_access: results + parameters }
    }
}

/// (operations, parameters)
fn count(bound: &BoundGraph, node: &Node) -> Option<(f64, f64)> {
    let out = || result_shape(bound, node, 0);
    let per_image = || out()?.get(1..).map(product);
    let bias = f64::from(operands(node) == 3);
    let flops = match node.op.name() {
        "Conv" | "ConvTranspose" => {
            let weight = operand_shape(bound, node, 1)?;
            let (&first, window) = weight.split_first()?;
            return Some((
                per_image()? * (2.0 * product(window) - 1.0 + bias),
                first as f64 * (product(window) + bias),
            ));
        }
        "Gemm" => {
            let weight = operand_shape(bound, node, 1)?;
            let (a, b) = (*weight.get(weight.len().checked_sub(2)?)? as f64, *weight.last()? as f64);
            let transposed = node.ints("transB").is_some_and(|v| v.first().is_some_and(|&v| v != 0));
            let (outputs, inputs) = if transposed { (a, b) } else { (b, a) };
            return Some((outputs * (2.0 * inputs - 1.0 + bias), outputs * (inputs + bias)));
        }
        "BatchNormalization" => {
            let x = operand_shape(bound, node, 0)?;
            let per_channel = if operands(node) > 1 { 4.0 } else { 2.0 };
            return Some((per_channel * product(x), per_channel * *x.get(1)? as f64));
        }
        "GlobalAveragePool" => {
            let ratio = *operand_shape(bound, node, 0)?.get(3)? as f64 / *out()?.get(3)? as f64;
            per_image()? * ratio
        }
        "AveragePool" => per_image()? * node.ints("kernel_shape")?.iter().map(|&k| k as f64).product::<f64>(),
        "Softmax" => {
            let x = operand_shape(bound, node, 0)?;
            let features = (x.len() as u64).checked_div(*x.first()?)?;
            3.0 * features as f64 - 1.0
        }
        "Upsample" => per_image()? * upsample(node),
        "Add" | "Sigmoid" | "Mul" | "ReduceMean" | "Pow" | "Div" | "Sub" | "Sqrt" | "Tanh" => product(out()?),
        _ => 0.0,
    };
    Some((flops, 0.0))
}

/// Operations per interpolated element.
fn upsample(node: &Node) -> f64 {
    match node.text("mode").unwrap_or("nearest") {
        "linear" => 5.0,
        "bilinear" => 11.0,
        "bicubic" => 259.0,
        "trilinear" => 31.0,
        _ => 0.0,
    }
}

fn product(extents: &[u64]) -> f64 {
    extents.iter().map(|&n| n as f64).product()
}
