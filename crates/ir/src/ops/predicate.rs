//! Element-wise questions about one tensor: the answer is boolean and costs no arithmetic.

use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Value};

pub(super) struct Predicate;

impl Operator for Predicate {
    fn names(&self) -> &'static [&'static str] {
        &["IsInf", "IsNaN", "Not"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let value = match (call.node.op.name(), &call.input(0)?.value) {
            ("Not", Some(Value::Ints(v))) => Some(Value::Ints(v.iter().map(|&x| i64::from(x == 0)).collect())),
            _ => None,
        };
        Ok(vec![Fact::new(DType::Bool, call.shape(0)?).with_value(value)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run, value};
    use crate::{DType, Value, attrs};

    #[test]
    fn answers_are_boolean() {
        let (facts, work) = run("IsNaN", attrs([]), &[f32(&[2, 3])]).unwrap();
        assert_eq!((facts[0].dtype, work.flops), (DType::Bool, 0));
        assert_eq!(value("Not", attrs([]), &[ints(&[0, 1])]), Value::Ints(vec![1, 0]));
    }
}
