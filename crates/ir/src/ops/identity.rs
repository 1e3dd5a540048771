//! Operators that pass their operand on: at inference dropout is one of them.

use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Role, Saved, Work};

pub(super) struct Identity;

impl Operator for Identity {
    fn names(&self) -> &'static [&'static str] {
        &["Dropout", "Identity"]
    }

    /// The second result is the mask of a dropout, which until operator set 10 had the type of the data.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.input(0)?;
        if x.held.is_some() {
            return Ok(vec![x.clone()]);
        }
        let shape = call.shape(0)?;
        let mask = if call.int("typed_mask", 0) != 0 { x.dtype } else { DType::Bool };
        Ok(vec![Fact::new(x.dtype, shape).with_value(x.value.clone()), Fact::new(mask, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn saves(&self, node: &Node) -> Saved {
        if node.op.name() == "Identity" { Saved::Nothing } else { Saved::Operands }
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let role = if i == 0 { Role::Data } else { Role::Setting };
        (i == 0 || node.op.name() == "Dropout" && i < 3).then_some(role)
    }

    fn work(&self, _: &Call<'_>) -> Result<Work, OpError> {
        Ok(Work::VIEW)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run, value};
    use crate::{Value, Work, attrs};

    #[test]
    fn dropout_is_a_view() {
        let (facts, work) = run("Dropout", attrs([]), &[f32(&[2, 3])]).unwrap();
        assert_eq!((facts[0].clone(), work), (f32(&[2, 3]), Work::VIEW));
        assert_eq!(value("Identity", attrs([]), &[ints(&[4])]), Value::Ints(vec![4]));
    }
}
