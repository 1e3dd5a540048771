//! Element-wise functions of one tensor.

use crate::{Call, Fact, OpError, Operator, Value, Work};

pub(super) struct Unary;

impl Operator for Unary {
    fn names(&self) -> &'static [&'static str] {
        &[
            "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BitwiseNot", "Ceil", "Celu", "Clip", "Cos",
            "Cosh", "Elu", "Erf", "Exp", "FastGelu", "Floor", "Gelu", "HardSigmoid", "HardSwish", "Hardmax",
            "LeakyRelu", "Log", "Mish", "Neg", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Silu",
            "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu",
        ]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let fact = Fact::new(call.dtype(0)?, call.shape(0)?);
        Ok(vec![fact.with_value(call.input(0)?.value.as_ref().and_then(|v| map(call.node.op.name(), v)))])
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        call.output_elements(0).map(Work::flops)
    }
}

/// The functions that exporters use in shape arithmetic.
fn map(op: &str, value: &Value) -> Option<Value> {
    Some(match (op, value) {
        ("Neg", Value::Ints(v)) => Value::Ints(v.iter().map(|x| x.wrapping_neg()).collect()),
        ("Abs", Value::Ints(v)) => Value::Ints(v.iter().map(|x| x.wrapping_abs()).collect()),
        (_, Value::Ints(_)) => return None,
        (op, Value::Floats(v)) => {
            let f: fn(f64) -> f64 = match op {
                "Neg" => |x| -x,
                "Abs" => f64::abs,
                "Ceil" => f64::ceil,
                "Floor" => f64::floor,
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
