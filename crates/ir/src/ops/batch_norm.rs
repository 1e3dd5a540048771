//! Batch normalisation over axis 1. At inference y = s·x + t with s and t folded from five vectors: 2 per element.

use super::axes::product;
use crate::{Call, Class, Fact, Fusion, Fvcore, Node, OpError, Operator, Role, Work};

pub(super) struct BatchNorm;

impl Operator for BatchNorm {
    fn names(&self) -> &'static [&'static str] {
        &["BatchNormalization"]
    }

    /// After the result: running mean and variance, and the two saved ones of old operator sets.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        // Until operator set 9 statistics could be of each activation, not of each channel.
        let spatial = call.int("spatial", 1) != 0;
        let vector = if spatial { vec![x.get(1).copied().unwrap_or(1)] } else { x.iter().skip(1).copied().collect() };
        for i in 1..5 {
            let given = call.shape(i)?;
            if given != vector {
                return Err(format!("operand {i} of shape {given:?} does not fit {x:?}").into());
            }
        }
        let statistic = Fact::new(call.dtype(3)?, vector);
        let mut facts = vec![statistic; 5];
        facts[0] = Fact::new(call.dtype(0)?, x);
        Ok(facts)
    }

    fn class(&self, _: &Node) -> Class {
        Class::Normalization
    }

    /// At inference it is a product and a sum by channel.
    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Follower
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Scale, Role::Bias, Role::Mean, Role::Variance].get(i).copied()
    }

    fn fvcore(&self, call: &Call<'_>) -> Result<Fvcore, OpError> {
        Fvcore::per_element(if call.int("training_mode", 0) == 1 { 5 } else { 2 }, call.shape(0)?)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        product([2, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn two_operations_per_element() {
        let c = f32(&[16]);
        let inputs = [f32(&[2, 16, 4, 4]), c.clone(), c.clone(), c.clone(), c];
        let (facts, work) = run("BatchNormalization", attrs([]), &inputs).unwrap();
        assert_eq!((facts[0].clone(), facts[1].clone(), work.flops), (f32(&[2, 16, 4, 4]), f32(&[16]), 1024));
    }

    #[test]
    fn refuses_wrong_channels_and_missing_statistics() {
        let c = f32(&[8]);
        let inputs = [f32(&[2, 16, 4, 4]), c.clone(), c.clone(), c.clone(), c];
        assert!(run("BatchNormalization", attrs([]), &inputs).is_err());
        let each = [f32(&[2, 8, 4]), f32(&[8, 4]), f32(&[8, 4]), f32(&[8, 4]), f32(&[8, 4])];
        assert!(run("BatchNormalization", attrs([("spatial", Attr::Int(0))]), &each).is_ok());
        assert!(run("BatchNormalization", attrs([]), &each).is_err());
        assert!(run("BatchNormalization", attrs([]), &inputs[..1]).is_err());
    }
}
