//! Non-maximum suppression: how many boxes survive depends on the data.

use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Role};

pub(super) struct NonMaxSuppression;

impl Operator for NonMaxSuppression {
    fn names(&self) -> &'static [&'static str] {
        &["NonMaxSuppression"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (boxes, scores) = (call.shape(0)?, call.shape(1)?);
        match (boxes, scores) {
            (&[n, count, 4], &[batch, _, scored]) if n == batch && count == scored => {
                Ok(vec![Fact::unknown(DType::I64)])
            }
            _ => Err(format!("boxes {boxes:?} do not fit scores {scores:?}").into()),
        }
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Data, Role::Setting, Role::Setting, Role::Setting].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{DType, Fact, attrs};

    #[test]
    fn result_is_unknown_and_operands_are_checked() {
        let (facts, _) = run("NonMaxSuppression", attrs([]), &[f32(&[1, 9, 4]), f32(&[1, 2, 9])]).unwrap();
        assert_eq!(facts[0], Fact::unknown(DType::I64));
        assert!(run("NonMaxSuppression", attrs([]), &[f32(&[1, 9, 4]), f32(&[1, 2, 8])]).is_err());
    }
}
