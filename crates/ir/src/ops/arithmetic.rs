//! Element-wise arithmetic of two tensors, with NumPy's broadcasting.

use super::values::{aligned, broadcast, broadcast_both};
use crate::{Call, Fact, Node, OpError, Operator, Role, Saved, Value};

pub(super) struct Arithmetic;

impl Operator for Arithmetic {
    fn names(&self) -> &'static [&'static str] {
        &["Add", "Atan2", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div", "Mod", "Mul", "PRelu", "Pow", "Sub"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (a, b) = (call.input(0)?, aligned(call)?);
        let (x, y) = (call.shape(0)?, b.shape.as_deref().ok_or(OpError::Unknown)?);
        let shape = broadcast([x, y])?;
        if call.node.op.name() == "PRelu" && shape != x {
            return Err(format!("slope {y:?} does not broadcast to {x:?}").into());
        }
        let value = broadcast_both(a, &b, &shape).and_then(|(a, b)| combine(call, &a, &b));
        Ok(vec![Fact::new(a.dtype, shape).with_value(value)])
    }

    fn saves(&self, node: &Node) -> Saved {
        if matches!(node.op.name(), "Add" | "Sub") { Saved::Nothing } else { Saved::Operands }
    }

    fn activates(&self, node: &Node) -> bool {
        node.op.name() == "PRelu"
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let role = match (node.op.name(), i) {
            ("PRelu", 0) => Role::Data,
            ("PRelu", _) => Role::Weight,
            ("Div" | "Mul", _) => Role::Factor,
            _ => Role::Term,
        };
        (i < 2).then_some(role)
    }
}

fn combine(call: &Call<'_>, a: &Value, b: &Value) -> Option<Value> {
    let op = call.node.op.name();
    if let (Value::Ints(a), Value::Ints(b)) = (a, b) {
        let truncated = call.int("fmod", 0) != 0;
        let f: fn(i64, i64) -> Option<i64> = match op {
            "Add" => i64::checked_add,
            "Sub" => i64::checked_sub,
            "Mul" => i64::checked_mul,
            "Div" => i64::checked_div,
            "Mod" if truncated => i64::checked_rem,
            "Mod" => |a, b| {
                let remainder = a.checked_rem(b)?;
                Some(if remainder != 0 && (remainder < 0) != (b < 0) { remainder + b } else { remainder })
            },
            "Pow" => |a, b| a.checked_pow(u32::try_from(b).ok()?),
            "BitwiseAnd" => |a, b| Some(a & b),
            "BitwiseOr" => |a, b| Some(a | b),
            "BitwiseXor" => |a, b| Some(a ^ b),
            _ => return None,
        };
        return Some(Value::Ints(a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect::<Option<_>>()?));
    }
    let Value::Floats(a) = a else { return None };
    let f: fn(f64, f64) -> f64 = match op {
        "Add" => |a, b| a + b,
        "Sub" => |a, b| a - b,
        "Mul" => |a, b| a * b,
        "Div" => |a, b| a / b,
        "Mod" => |a, b| a % b,
        "Pow" => f64::powf,
        _ => return None,
    };
    Some(Value::Floats(a.iter().zip(b.to_floats()).map(|(&a, b)| f(a, b)).collect()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, floats, int, ints, run, shape, value};
    use crate::{Attr, OpError, Value, attrs};

    #[test]
    fn broadcasts_both_ways_and_counts_results() {
        let (facts, work) = run("Add", attrs([]), &[f32(&[4, 1, 3]), f32(&[5, 1])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[4, 5, 3]), 60));
    }

    #[test]
    fn old_operator_sets_say_where_the_second_operand_starts() {
        let (facts, _) = run("Add", attrs([("axis", Attr::Int(1))]), &[f32(&[2, 3, 4, 5]), f32(&[3])]).unwrap();
        assert_eq!(facts[0], f32(&[2, 3, 4, 5]));
        let (facts, _) = run("PRelu", attrs([("axis", Attr::Int(1))]), &[f32(&[2, 3, 4, 5]), f32(&[3])]).unwrap();
        assert_eq!(facts[0], f32(&[2, 3, 4, 5]));
        assert!(run("Add", attrs([("axis", Attr::Int(2))]), &[f32(&[2, 3, 4, 5]), f32(&[3])]).is_err());
    }

    #[test]
    fn refuses_with_both_shapes() {
        let Err(OpError::Invalid(message)) = run("Mul", attrs([]), &[f32(&[2, 3]), f32(&[2, 4])]) else { panic!() };
        assert!(message.contains("[2, 3]") && message.contains("[2, 4]"), "{message}");
        assert!(shape("PRelu", attrs([]), &[f32(&[3, 1]), f32(&[1, 4])]).is_err());
    }

    #[test]
    fn integer_division_truncates_and_modulus_follows_the_divisor() {
        let inputs = [ints(&[-7, 7]), int(2)];
        assert_eq!(value("Div", attrs([]), &inputs), Value::Ints(vec![-3, 3]));
        assert_eq!(value("Mod", attrs([]), &inputs), Value::Ints(vec![1, 1]));
        assert_eq!(value("Mod", attrs([("fmod", Attr::Int(1))]), &inputs), Value::Ints(vec![-1, 1]));
    }

    #[test]
    fn division_by_zero_is_unknown() {
        let (facts, _) = run("Div", attrs([]), &[ints(&[1]), ints(&[0])]).unwrap();
        assert_eq!(facts[0].value, None);
    }

    #[test]
    fn floats_multiply() {
        assert_eq!(value("Mul", attrs([]), &[floats(&[1.5, 2.0]), floats(&[2.0])]), Value::Floats(vec![3.0, 4.0]));
    }
}
