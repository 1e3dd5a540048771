//! Operators that pass their operand on: at inference dropout is one of them.

use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Role, Saved, Work};

pub(super) struct Identity;

impl Operator for Identity {
    fn names(&self) -> &'static [&'static str] {
        &["Dropout", "Identity"]
    }

    /// The second result is the mask of a dropout.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let shape = call.shape(0)?;
        let fact = Fact::new(call.dtype(0)?, shape).with_value(call.input(0)?.value.clone());
        Ok(vec![fact, Fact::new(DType::Bool, shape)])
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
