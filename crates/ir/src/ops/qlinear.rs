//! ONNX Runtime's operators on integers with scales and zero points between the operands: each is a standard
//! operator, whose shape and arithmetic it has.

use std::borrow::Cow;

use super::delegate::{self, Delegate, channels_first, channels_last};
use crate::{Call, Class, DType, Fact, Fusion, Node, OpError, Operator, Role, Saved, Work};

pub(super) struct QLinear;

/// The standard operator and the places of its operands.
fn standard(op: &str) -> (&'static str, &'static [usize]) {
    match op {
        "MulInteger" => ("Mul", &[0, 2]),
        "QLinearAdd" => ("Add", &[0, 3]),
        "QLinearAveragePool" => ("AveragePool", &[0]),
        "QLinearGlobalAveragePool" => ("GlobalAveragePool", &[0]),
        "QLinearLeakyRelu" => ("LeakyRelu", &[0]),
        "QLinearMul" => ("Mul", &[0, 3]),
        "QLinearReduceMean" => ("ReduceMean", &[0]),
        "QLinearSigmoid" => ("Sigmoid", &[0]),
        "QLinearSoftmax" => ("Softmax", &[0]),
        "QLinearWhere" => ("Where", &[0, 1, 4]),
        "QOrderedGelu" => ("Gelu", &[0]),
        "QOrderedLayerNormalization" => ("LayerNormalization", &[0, 2, 3]),
        _ => ("ReduceSum", &[0]),
    }
}

/// Scales and zero points among the operands.
fn operands(op: &str) -> usize {
    match op {
        "MulInteger" => 4,
        "QLinearAdd" | "QLinearMul" => 8,
        "QLinearWhere" => 9,
        "QOrderedGelu" => 3,
        "ReduceSumInteger" => 1,
        _ => 5,
    }
}

fn delegate<'a>(call: &Call<'a>) -> Result<Delegate<'a>, OpError> {
    let (name, places) = standard(call.node.op.name());
    let mut delegate = Delegate::new(call, name, places)?;
    if last(call) {
        for fact in delegate.inputs.iter_mut().flatten() {
            *fact = Cow::Owned(channels_first(fact));
        }
    }
    Ok(delegate)
}

/// Poolings say whether channels come last.
fn last(call: &Call<'_>) -> bool {
    call.int("channels_last", 0) != 0 && call.node.op.name().ends_with("Pool")
}

fn inner(node: &Node) -> Option<(Node, &'static dyn Operator)> {
    let (name, places) = standard(node.op.name());
    delegate::node(node, name, places)
}

impl Operator for QLinear {
    fn names(&self) -> &'static [&'static str] {
        &[
            "MulInteger",
            "QLinearAdd",
            "QLinearAveragePool",
            "QLinearGlobalAveragePool",
            "QLinearLeakyRelu",
            "QLinearMul",
            "QLinearReduceMean",
            "QLinearSigmoid",
            "QLinearSoftmax",
            "QLinearWhere",
            "QOrderedGelu",
            "QOrderedLayerNormalization",
            "ReduceSumInteger",
        ]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let fact = delegate(call)?.infer()?.into_iter().next().ok_or(OpError::Unknown)?;
        let fact = if last(call) { channels_last(&fact) } else { fact };
        let wide = matches!(call.node.op.name(), "MulInteger" | "ReduceSumInteger");
        let dtype = if wide { DType::I32 } else { fact.dtype };
        Ok(vec![Fact { dtype, value: None, ..fact }])
    }

    fn class(&self, node: &Node) -> Class {
        inner(node).map_or(Class::Elementwise, |(node, op)| op.class(&node))
    }

    fn fuses(&self, node: &Node) -> Fusion {
        inner(node).map_or(Fusion::Alone, |(node, op)| op.fuses(&node))
    }

    fn saves(&self, node: &Node) -> Saved {
        inner(node).map_or(Saved::Operands, |(node, op)| op.saves(&node))
    }

    fn activates(&self, node: &Node) -> bool {
        inner(node).is_some_and(|(node, op)| op.activates(&node))
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let (_, places) = standard(node.op.name());
        match places.iter().position(|&place| place == i) {
            Some(place) => inner(node).and_then(|(node, op)| op.operand(&node, place)),
            None => (i < operands(node.op.name())).then_some(Role::Setting),
        }
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let outputs: Vec<Fact> =
            call.outputs.iter().map(|f| if last(call) { channels_first(f) } else { f.clone() }).collect();
        delegate(call)?.work(&outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, Class, DType, Fact, Node, OpType, Role, attrs};

    fn u8(shape: &[u64]) -> Fact {
        Fact::new(DType::U8, shape)
    }

    #[test]
    fn sums_broadcast_past_the_scales() {
        let (scale, zero) = (f32(&[]), u8(&[]));
        let inputs =
            [u8(&[2, 3, 8, 8]), scale.clone(), zero.clone(), u8(&[3, 1, 1]), scale.clone(), zero.clone(), scale, zero];
        let (facts, work) = run("QLinearAdd", attrs([]), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (u8(&[2, 3, 8, 8]), 384));
        assert!(run("QLinearAdd", attrs([]), &[u8(&[2]), f32(&[]), u8(&[]), u8(&[3])]).is_err());
    }

    #[test]
    fn poolings_say_where_the_channels_are() {
        let inputs = [u8(&[1, 8, 8, 3]), f32(&[]), u8(&[]), f32(&[]), u8(&[])];
        let last = attrs([("channels_last", Attr::Int(1))]);
        let (facts, work) = run("QLinearGlobalAveragePool", last, &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (u8(&[1, 1, 1, 3]), 192));
    }

    #[test]
    fn is_to_fusion_what_the_standard_operator_is() {
        let node = |op: &str| {
            let (name, inputs, outputs) = (String::new(), vec![], vec![]);
            Node { name, op: OpType::new(op), attrs: attrs([]), inputs, outputs, phase: crate::Phase::Forward }
        };
        let pool = node("QLinearAveragePool");
        assert_eq!((pool.class(), node("QLinearSoftmax").class()), (Class::Reduction, Class::Normalization));
        assert!(node("QLinearSigmoid").activates() && !pool.activates());
        assert_eq!((node("QLinearMul").role(3), node("QLinearMul").role(4)), (Role::Factor, Role::Setting));
    }
}
