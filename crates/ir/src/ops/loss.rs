//! Losses of classification: scores (N, C, …) and labels (N, …) → a number, or one a label.
//!
//! SoftmaxCrossEntropyLoss takes 5 operations per score for the softmax; both take 2 per label (weight and sum).

use super::axes::product;
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Loss;

impl Operator for Loss {
    fn names(&self) -> &'static [&'static str] {
        &["NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"]
    }

    /// The second result of the cross entropy are the logarithms of the probabilities.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, labels) = (call.shape(0)?, call.shape(1)?);
        let refuse = || OpError::Invalid(format!("labels {labels:?} do not fit scores {x:?}"));
        let &[n, classes, ref rest @ ..] = x else { return Err(refuse()) };
        if labels.split_first() != Some((&n, rest)) {
            return Err(refuse());
        }
        if let Some(weight) = call.optional(2).and_then(|f| f.shape.as_deref())
            && weight != [classes]
        {
            return Err(format!("weights {weight:?} do not fit scores {x:?}").into());
        }
        let loss = if call.text("reduction", "mean") == "none" { labels } else { &[] };
        let mut facts = vec![Fact::new(call.dtype(0)?, loss)];
        if call.node.op.name() == "SoftmaxCrossEntropyLoss" {
            facts.push(Fact::new(call.dtype(0)?, x));
        }
        Ok(facts)
    }

    fn class(&self, node: &Node) -> Class {
        if node.op.name() == "SoftmaxCrossEntropyLoss" { Class::Normalization } else { Class::Reduction }
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Index, Role::Setting].get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let labels = product(call.shape(1)?.iter().copied().chain([2]))?;
        let softmax = match call.node.op.name() {
            "SoftmaxCrossEntropyLoss" => product(call.shape(0)?.iter().copied().chain([5]))?,
            _ => 0,
        };
        Ok(Work::flops(labels.saturating_add(softmax)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32, run, shape};
    use crate::{DType, Fact, attrs};

    #[test]
    fn a_number_or_one_a_label() {
        let (x, labels) = (f32(&[2, 10]), Fact::new(DType::I64, [2]));
        let (facts, work) = call("SoftmaxCrossEntropyLoss", attrs([]), &[Some(&x), Some(&labels)], 2).unwrap();
        assert_eq!((facts, work.flops), (vec![f32(&[]), x], 104));
        let none = attrs([("reduction", "none".into())]);
        let inputs = [f32(&[3, 5, 6]), Fact::new(DType::I64, [3, 6])];
        assert_eq!(shape("NegativeLogLikelihoodLoss", none, &inputs).unwrap(), [3, 6]);
        let wrong = [f32(&[3, 5, 6]), Fact::new(DType::I64, [3, 5])];
        assert!(run("NegativeLogLikelihoodLoss", attrs([]), &wrong).is_err());
    }
}
