//! Conversion of the element type, or of how its bits are read. Counts as data movement.

use super::axes::dtype;
use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Role, Saved, Value};

pub(super) struct Cast;

impl Operator for Cast {
    fn names(&self) -> &'static [&'static str] {
        &["BitCast", "Cast", "CastLike"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let to = match call.node.op.name() {
            "CastLike" => call.dtype(1)?,
            _ => dtype(call, "to")?.ok_or_else(|| OpError::Invalid("has no attribute `to`".into()))?,
        };
        if call.node.op.name() == "BitCast" {
            let from = call.dtype(0)?;
            if from.bits() != to.bits() {
                return Err(format!("{from} cannot be read as {to}: {} bits are not {}", from.bits(), to.bits()).into());
            }
            return Ok(vec![Fact::new(to, call.shape(0)?)]);
        }
        let value = call.input(0)?.value.as_ref().and_then(|v| convert(v, to));
        Ok(vec![Fact::new(to, call.shape(0)?).with_value(value)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn saves(&self, _: &Node) -> Saved {
        Saved::Nothing
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        (i < 2).then_some(Role::Data)
    }
}

fn convert(value: &Value, to: DType) -> Option<Value> {
    match (value, to) {
        (Value::Ints(v), DType::Bool) => Some(Value::Ints(v.iter().map(|&x| (x != 0).into()).collect())),
        (Value::Floats(v), DType::Bool) => Some(Value::Ints(v.iter().map(|&x| (x != 0.0).into()).collect())),
        (Value::Ints(_), to) if to.is_integer() => Some(value.clone()),
        (Value::Floats(v), to) if to.is_integer() => {
            // 2^63 and beyond, and what is not a number, have no integer.
            let truncate = |&x: &f64| (x.abs() < i64::MAX as f64).then_some(x as i64);
            Some(Value::Ints(v.iter().map(truncate).collect::<Option<_>>()?))
        }
        (_, to) if to.is_float() => Some(Value::Floats(value.to_floats())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, floats, ints, run, value};
    use crate::{Attr, DType, Value, attrs};

    #[test]
    fn types_and_values() {
        let to = |code| attrs([("to", Attr::Int(code))]);
        let (facts, work) = run("Cast", to(10), &[f32(&[3])]).unwrap();
        assert_eq!((facts[0].dtype, work.flops), (DType::F16, 0));
        assert_eq!(value("Cast", to(7), &[floats(&[-1.7, 2.5])]), Value::Ints(vec![-1, 2]));
        assert_eq!(value("Cast", to(1), &[ints(&[3])]), Value::Floats(vec![3.0]));
        assert_eq!(run("Cast", to(7), &[floats(&[f64::NAN])]).unwrap().0[0].value, None);
        assert_eq!(run("CastLike", attrs([]), &[f32(&[3]), ints(&[1])]).unwrap().0[0].dtype, DType::I64);
    }

    #[test]
    fn refuses_unknown_types() {
        assert!(run("Cast", attrs([("to", Attr::Int(99))]), &[f32(&[3])]).is_err());
        assert!(run("Cast", attrs([]), &[f32(&[3])]).is_err());
        assert_eq!(run("BitCast", attrs([("to", Attr::Int(6))]), &[f32(&[3])]).unwrap().0[0].dtype, DType::I32);
        assert!(run("BitCast", attrs([("to", Attr::Int(7))]), &[f32(&[3])]).is_err());
    }
}
