//! Convolutions, poolings and the like whose channels come last: (N, …, C) → (N, …', M), weights as in the standard
//! operators. ONNX Runtime has some in `com.microsoft`, and keeps all in a domain of its own for the optimised graph.

use std::borrow::Cow;

use super::delegate::{self, Delegate, channels_first, channels_last};
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Nhwc;

/// The standard operator and the places of its operands.
fn standard(op: &str) -> (&str, &'static [usize]) {
    match op.strip_prefix("Nhwc").unwrap_or(op) {
        "FusedConv" => ("FusedConv", &[0, 1, 2, 3]),
        "QLinearAveragePool" => ("AveragePool", &[0]),
        "QLinearConv" => ("QLinearConv", &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
        "QLinearConvTranspose" => ("ConvTranspose", &[0, 3, 8]),
        name => (name, &[0, 1, 2, 3, 4]),
    }
}

/// Operands that hold images: the data, what a fused convolution adds, and the indices of an unpooling.
fn image(op: &str, place: usize) -> bool {
    place == 0 || op == "NhwcFusedConv" && place == 3 || op == "NhwcMaxUnpool" && place == 1
}

fn delegate<'a>(call: &Call<'a>) -> Result<Delegate<'a>, OpError> {
    let op = call.node.op.name();
    let (name, places) = standard(op);
    let mut delegate = Delegate::new(call, name, places)?;
    delegate.inputs.truncate(call.inputs.len().max(1));
    for fact in delegate.inputs.iter_mut().enumerate().filter(|(i, _)| image(op, *i)).filter_map(|(_, f)| f.as_mut()) {
        *fact = Cow::Owned(channels_first(fact));
    }
    Ok(delegate)
}

fn inner(node: &Node) -> Option<(Node, &'static dyn Operator)> {
    let (name, places) = standard(node.op.name());
    delegate::node(node, name, places)
}

impl Operator for Nhwc {
    fn names(&self) -> &'static [&'static str] {
        &[
            "NhwcAveragePool",
            "NhwcBatchNormalization",
            "NhwcConv",
            "NhwcConvTranspose",
            "NhwcDepthToSpace",
            "NhwcFusedConv",
            "NhwcGlobalAveragePool",
            "NhwcGlobalLpPool",
            "NhwcGlobalMaxPool",
            "NhwcGridSample",
            "NhwcInstanceNormalization",
            "NhwcLRN",
            "NhwcLpPool",
            "NhwcMaxPool",
            "NhwcMaxUnpool",
            "NhwcQLinearAveragePool",
            "NhwcQLinearConv",
            "NhwcQLinearConvTranspose",
            "NhwcSpaceToDepth",
        ]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        Ok(delegate(call)?.infer()?.iter().map(channels_last).collect())
    }

    fn class(&self, node: &Node) -> Class {
        inner(node).map_or(Class::Elementwise, |(node, op)| op.class(&node))
    }

    fn fuses(&self, node: &Node) -> Fusion {
        inner(node).map_or(Fusion::Alone, |(node, op)| op.fuses(&node))
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let (_, places) = standard(node.op.name());
        match places.iter().position(|&place| place == i) {
            Some(place) => inner(node).map_or((i == 0).then_some(Role::Data), |(node, op)| op.operand(&node, place)),
            None => (i < 9 && places.len() < 4 && node.op.name().starts_with("NhwcQ")).then_some(Role::Setting),
        }
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let outputs: Vec<Fact> = call.outputs.iter().map(channels_first).collect();
        delegate(call)?.work(&outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, OpType, attrs};

    #[test]
    fn convolves_with_standard_weights() {
        let inputs = [f32(&[2, 10, 12, 8]), f32(&[16, 8, 3, 3]), f32(&[16])];
        let (facts, work) = run("NhwcConv", attrs([]), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[2, 8, 10, 16]), 2 * 80 * 16 * 72));
        assert!(run("NhwcConv", attrs([]), &[f32(&[2, 8, 10, 12]), f32(&[16, 8, 3, 3])]).is_err());
    }

    #[test]
    fn pools_and_moves_blocks() {
        let window = attrs([("kernel_shape", vec![2, 2].into()), ("strides", vec![2, 2].into())]);
        let (facts, work) = run("NhwcMaxPool", window, &[f32(&[1, 6, 8, 3])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[1, 3, 4, 3]), 4 * 36));
        let block = attrs([("blocksize", Attr::Int(2))]);
        assert_eq!(run("NhwcDepthToSpace", block, &[f32(&[1, 6, 8, 12])]).unwrap().0[0], f32(&[1, 12, 16, 3]));
    }

    #[test]
    fn the_domain_of_the_optimiser_repeats_standard_names() {
        assert_eq!(OpType::with_domain("com.ms.internal.nhwc", "Conv").name(), "NhwcConv");
        assert_eq!(OpType::with_domain("com.microsoft.nchwc", "Conv").name(), "FusedConv");
        assert!(OpType::with_domain("com.ms.internal.nhwc", "Relu").is_custom());
    }
}
