//! ConstantFill and GivenTensorFill, on trial before operator set 7: a tensor of given elements, of the shape of the
//! operand, of the shape that is in the operand (`input_as_shape`), or of that in an attribute; `extra_shape` follows.

use super::axes::{dtype, extents};
use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Role};

pub(super) struct ConstantFill;

impl Operator for ConstantFill {
    fn names(&self) -> &'static [&'static str] {
        &["ConstantFill", "GivenTensorFill"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let mut shape = match call.optional(0) {
            None => extents(call.list("shape").unwrap_or_default())?,
            Some(_) if call.int("input_as_shape", 0) != 0 => extents(call.ints(0)?)?,
            Some(_) => call.shape(0)?.to_vec(),
        };
        shape.extend(extents(call.list("extra_shape").unwrap_or_default())?);
        Ok(vec![Fact::new(dtype(call, "dtype")?.unwrap_or(DType::F32), shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        (i == 0).then_some(Role::Shape)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, shape};
    use crate::{Attr, attrs};

    #[test]
    fn three_ways_to_say_a_shape() {
        let given = attrs([("shape", vec![2, 3].into())]);
        assert_eq!(shape("ConstantFill", given.clone(), &[]).unwrap(), [2, 3]);
        assert_eq!(shape("GivenTensorFill", given, &[f32(&[4])]).unwrap(), [4]);
        let read = attrs([("input_as_shape", Attr::Int(1)), ("extra_shape", vec![5].into())]);
        assert_eq!(shape("ConstantFill", read, &[ints(&[2, 3])]).unwrap(), [2, 3, 5]);
    }
}
