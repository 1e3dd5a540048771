//! Non-maximum suppression with a fixed number of results, as TFLite has it: boxes (n, 4), scores (n), the largest
//! number of results, thresholds → indices (that number), with V5 their scores, and how many of them count.

use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Role};

pub(super) struct PaddedSuppression;

impl Operator for PaddedSuppression {
    fn names(&self) -> &'static [&'static str] {
        &["NonMaxSuppressionV4", "NonMaxSuppressionV5"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let limit = call.ints(2)?.first().and_then(|&n| u64::try_from(n).ok());
        let limit = limit.ok_or_else(|| OpError::Invalid("the number of results is negative".into()))?;
        let mut facts = vec![Fact::new(DType::I32, [limit]), Fact::new(DType::I32, [])];
        if call.node.op.name() == "NonMaxSuppressionV5" {
            facts.insert(1, Fact::new(DType::F32, [limit]));
        }
        Ok(facts)
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Data, Role::Shape, Role::Setting, Role::Setting, Role::Setting].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, int, run};
    use crate::{DType, Fact, Work, attrs};

    #[test]
    fn as_many_results_as_asked_for() {
        let (facts, work) = run("NonMaxSuppressionV5", attrs([]), &[f32(&[90, 4]), f32(&[90]), int(10)]).unwrap();
        assert_eq!(facts, [Fact::new(DType::I32, [10]), f32(&[10]), Fact::new(DType::I32, [])]);
        assert_eq!(work, Work::MOVE);
        assert!(run("NonMaxSuppressionV4", attrs([]), &[f32(&[9, 4]), f32(&[9]), int(-1)]).is_err());
    }
}
