//! Broadcasting to a shape given as an operand; both ways, so the operand's extents of 1 keep those of x.

use super::{
    axes::extents,
    values::{broadcast, broadcast_value},
};
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Saved};

pub(super) struct Expand;

impl Operator for Expand {
    fn names(&self) -> &'static [&'static str] {
        &["Expand"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let target = extents(call.ints(1)?)?;
        let shape = broadcast([call.shape(0)?, &target])?;
        let value = broadcast_value(call.input(0)?, &shape);
        Ok(vec![Fact::new(call.dtype(0)?, shape).with_value(value)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn saves(&self, _: &Node) -> Saved {
        Saved::Nothing
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Shape].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run, shape, value};
    use crate::{OpError, Value, attrs};

    #[test]
    fn extents_of_one_give_way() {
        assert_eq!(shape("Expand", attrs([]), &[f32(&[3, 1]), ints(&[2, 1, 6])]).unwrap(), [2, 3, 6]);
        assert_eq!(value("Expand", attrs([]), &[ints(&[4]), ints(&[3])]), Value::Ints(vec![4; 3]));
        assert!(run("Expand", attrs([]), &[f32(&[3]), ints(&[2])]).is_err());
        assert_eq!(run("Expand", attrs([]), &[f32(&[3]), f32(&[1])]), Err(OpError::Unknown));
    }
}
