//! ONNX Runtime's group normalisation: channels first or last, with an activation, and in the `Skip` form after a sum:
//! 8 operations per element as in the standard one, one per addition, 2 for the activation.

use super::{axes::product, matmul_nbits::positive};
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Work};

pub(super) struct GroupNorm;

impl Operator for GroupNorm {
    fn names(&self) -> &'static [&'static str] {
        &["GroupNorm", "SkipGroupNorm"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    /// Result, and the sum before the normalisation.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, groups) = (call.shape(0)?, positive(call, "groups")?);
        let channels = if call.int("channels_last", 1) != 0 { x.last() } else { x.get(1) };
        let channels = channels.copied().filter(|c| x.len() > 2 && c.is_multiple_of(groups));
        let channels = channels.ok_or_else(|| format!("{groups} groups do not divide the channels of {x:?}"))?;
        for i in 1..3 {
            if call.shape(i)? != [channels] {
                return Err(format!("operand {i} of shape {:?} does not fit {x:?}", call.shape(i)?).into());
            }
        }
        let fact = Fact::new(call.dtype(0)?, x);
        Ok(vec![fact.clone(), fact])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Normalization
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles = [Role::Data, Role::Scale, Role::Bias, Role::Data, Role::Bias];
        let count = if node.op.name() == "GroupNorm" { 3 } else { 5 };
        roles[..count].get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let sums = (3..5).filter(|&i| call.optional(i).is_some()).count() as u64;
        let activation = if call.int("activation", 0) != 0 { 2 } else { 0 };
        product([8 + sums + activation, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, Attrs, attrs};

    fn groups(last: i64) -> Attrs {
        attrs([("groups", Attr::Int(8)), ("activation", Attr::Int(1)), ("channels_last", Attr::Int(last))])
    }

    #[test]
    fn channels_come_last_or_first() {
        let affine = f32(&[64]);
        let inputs = [f32(&[2, 16, 16, 64]), affine.clone(), affine.clone()];
        let (facts, work) = run("GroupNorm", groups(1), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[2, 16, 16, 64]), 10 * 32_768));
        assert!(run("GroupNorm", groups(0), &inputs).is_err());
        let inputs = [f32(&[2, 64, 16, 16]), affine.clone(), affine.clone(), f32(&[2, 64, 16, 16]), affine];
        assert_eq!(run("SkipGroupNorm", groups(0), &inputs).unwrap().1.flops, 12 * 32_768);
    }
}
