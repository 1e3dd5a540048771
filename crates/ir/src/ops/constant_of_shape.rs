//! A tensor of the shape that the operand spells, filled with one number.
//!
//! The fill is the attribute `value`, `Int` or `Float`, of the ONNX type numbered by `dtype`
//! (i64 or f32 if absent); without `value` it is the float 0.

use super::{
    axes::{dtype, extents},
    values::small,
};
use crate::{Attr, Call, Class, DType, Fact, Node, OpError, Operator, Role, Value};

pub(super) struct ConstantOfShape;

impl Operator for ConstantOfShape {
    fn names(&self) -> &'static [&'static str] {
        &["ConstantOfShape"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let shape = extents(call.ints(0)?)?;
        let count = small(&shape);
        let (default, value) = match call.attrs().get("value") {
            Some(Attr::Int(v)) => (DType::I64, count.map(|n| Value::Ints(vec![*v; n]))),
            Some(Attr::Float(v)) => (DType::F32, count.map(|n| Value::Floats(vec![*v; n]))),
            None => (DType::F32, count.map(|n| Value::Floats(vec![0.0; n]))),
            Some(other) => return Err(format!("value {other:?} is not a number").into()),
        };
        Ok(vec![Fact::new(dtype(call, "dtype")?.unwrap_or(default), shape).with_value(value)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Shape].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ints, run, value};
    use crate::{Attr, DType, Value, attrs};

    #[test]
    fn fills_small_shapes_only() {
        let ones = attrs([("value", Attr::Int(1))]);
        assert_eq!(value("ConstantOfShape", ones, &[ints(&[2, 2])]), Value::Ints(vec![1; 4]));
        let (facts, _) = run("ConstantOfShape", attrs([]), &[ints(&[512, 512])]).unwrap();
        assert_eq!((facts[0].dtype, facts[0].value.clone()), (DType::F32, None));
        assert!(run("ConstantOfShape", attrs([]), &[ints(&[-1])]).is_err());
    }
}
