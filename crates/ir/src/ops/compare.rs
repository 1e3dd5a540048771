//! Element-wise comparison and logic of two tensors, with NumPy's broadcasting. Costs no arithmetic.

use super::values::{aligned, broadcast, broadcast_both};
use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Role, Value};

pub(super) struct Compare;

impl Operator for Compare {
    fn names(&self) -> &'static [&'static str] {
        &["And", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Or", "Xor"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let b = aligned(call)?;
        let shape = broadcast([call.shape(0)?, b.shape.as_deref().ok_or(OpError::Unknown)?])?;
        let value = broadcast_both(call.input(0)?, &b, &shape).and_then(|values| match values {
            (Value::Ints(a), Value::Ints(b)) => integers(call.node.op.name(), &a, &b),
            (a, b) => order(call.node.op.name(), &a.to_floats(), &b.to_floats()),
        });
        Ok(vec![Fact::new(DType::Bool, shape).with_value(value)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        (i < 2).then_some(Role::Data)
    }
}

fn integers(op: &str, a: &[i64], b: &[i64]) -> Option<Value> {
    let f: fn(i64, i64) -> bool = match op {
        "And" => |a, b| a != 0 && b != 0,
        "Or" => |a, b| a != 0 || b != 0,
        "Xor" => |a, b| (a != 0) != (b != 0),
        _ => return order(op, a, b),
    };
    Some(Value::Ints(a.iter().zip(b).map(|(&a, &b)| f(a, b).into()).collect()))
}

fn order<T: PartialOrd>(op: &str, a: &[T], b: &[T]) -> Option<Value> {
    let f: fn(&T, &T) -> bool = match op {
        "Equal" => T::eq,
        "Greater" => T::gt,
        "GreaterOrEqual" => T::ge,
        "Less" => T::lt,
        "LessOrEqual" => T::le,
        _ => return None,
    };
    Some(Value::Ints(a.iter().zip(b).map(|(a, b)| f(a, b).into()).collect()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, floats, ints, run, value};
    use crate::{DType, Value, attrs};

    #[test]
    fn results_are_boolean_and_free() {
        let (facts, work) = run("Less", attrs([]), &[f32(&[2, 1]), f32(&[3])]).unwrap();
        assert_eq!((facts[0].dtype, facts[0].shape.as_deref()), (DType::Bool, Some(&[2, 3][..])));
        assert_eq!(work.flops, 0);
    }

    #[test]
    fn values() {
        assert_eq!(value("Equal", attrs([]), &[ints(&[1, -1]), ints(&[-1])]), Value::Ints(vec![0, 1]));
        assert_eq!(value("Greater", attrs([]), &[floats(&[0.5]), floats(&[0.25])]), Value::Ints(vec![1]));
        assert_eq!(value("Xor", attrs([]), &[ints(&[1, 1]), ints(&[0, 1])]), Value::Ints(vec![1, 0]));
    }
}
