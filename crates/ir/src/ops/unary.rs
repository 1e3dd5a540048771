//! Element-wise functions of one tensor.

use crate::{Call, Fact, Fusion, Node, OpError, Operator, Role, Saved, Value};

pub(super) struct Unary;

impl Operator for Unary {
    fn names(&self) -> &'static [&'static str] {
        &[
            "Abs",
            "Acos",
            "Acosh",
            "Asin",
            "Asinh",
            "Atan",
            "Atanh",
            "BiasGelu",
            "BitwiseNot",
            "Ceil",
            "Celu",
            "Cos",
            "Cosh",
            "Elu",
            "Erf",
            "Exp",
            "FastGelu",
            "Floor",
            "Gelu",
            "HardSigmoid",
            "HardSwish",
            "Hardmax",
            "LeakyRelu",
            "Log",
            "Mish",
            "Neg",
            "QuickGelu",
            "Reciprocal",
            "Relu",
            "Round",
            "Selu",
            "Shrink",
            "Sigmoid",
            "Sign",
            "Silu",
            "Sin",
            "Sinh",
            "Softplus",
            "Softsign",
            "Sqrt",
            "Swish",
            "Tan",
            "Tanh",
            "ThresholdedRelu",
        ]
    }

    fn domain(&self, node: &Node) -> &'static str {
        if matches!(node.op.name(), "BiasGelu" | "FastGelu" | "QuickGelu") { "com.microsoft" } else { "" }
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let fact = Fact::new(call.dtype(0)?, call.shape(0)?);
        Ok(vec![fact.with_value(call.input(0)?.value.as_ref().and_then(|v| map(call.node.op.name(), v)))])
    }

    /// Hardmax looks along an axis.
    fn fuses(&self, node: &Node) -> Fusion {
        if node.op.name() == "Hardmax" { Fusion::Alone } else { Fusion::Follower }
    }

    fn saves(&self, node: &Node) -> Saved {
        match node.op.name() {
            "Neg" => Saved::Nothing,
            "Exp" | "Reciprocal" | "Relu" | "Sigmoid" | "Sqrt" | "Tanh" => Saved::Results,
            _ => Saved::Operands,
        }
    }

    fn activates(&self, node: &Node) -> bool {
        matches!(
            node.op.name(),
            "BiasGelu"
                | "Celu"
                | "Elu"
                | "FastGelu"
                | "Gelu"
                | "HardSigmoid"
                | "HardSwish"
                | "LeakyRelu"
                | "Mish"
                | "QuickGelu"
                | "Relu"
                | "Selu"
                | "Sigmoid"
                | "Silu"
                | "Softplus"
                | "Softsign"
                | "Swish"
                | "Tanh"
                | "ThresholdedRelu"
        )
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let biased = matches!(node.op.name(), "BiasGelu" | "FastGelu");
        [Role::Data, Role::Bias].get(i).copied().filter(|_| biased || i == 0)
    }
}

/// The functions that exporters use in shape arithmetic.
fn map(op: &str, value: &Value) -> Option<Value> {
    Some(match value {
        Value::Ints(v) => {
            let f: fn(i64) -> Option<i64> = match op {
                "Neg" => i64::checked_neg,
                "Abs" => i64::checked_abs,
                "Sign" => |x| Some(x.signum()),
                "Relu" => |x| Some(x.max(0)),
                _ => return None,
            };
            Value::Ints(v.iter().copied().map(f).collect::<Option<_>>()?)
        }
        Value::Floats(v) => {
            let f: fn(f64) -> f64 = match op {
                "Neg" => |x| -x,
                "Abs" => f64::abs,
                "Ceil" => f64::ceil,
                "Floor" => f64::floor,
                "Relu" => |x| x.max(0.0),
                "Round" => f64::round_ties_even,
                "Sqrt" => f64::sqrt,
                "Exp" => f64::exp,
                "Log" => f64::ln,
                "Reciprocal" => f64::recip,
                _ => return None,
            };
            Value::Floats(v.iter().copied().map(f).collect())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, floats, run, value};
    use crate::{Value, attrs};

    #[test]
    fn one_operation_per_element() {
        let (facts, work) = run("Relu", attrs([]), &[f32(&[2, 3, 4])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops, work.macs), (f32(&[2, 3, 4]), 24, 0));
    }

    #[test]
    fn rounds_as_onnx_does() {
        assert_eq!(value("Round", attrs([]), &[floats(&[0.5, 1.5, -2.5])]), Value::Floats(vec![0.0, 2.0, -2.0]));
        assert_eq!(value("Floor", attrs([]), &[floats(&[-0.5])]), Value::Floats(vec![-1.0]));
    }
}
