//! Normalisations that keep the shape: over instances, groups of channels, or given axes.

use super::axes::product;
use crate::{Call, Class, Fact, Fvcore, Node, OpError, Operator, Role, Work};

pub(super) struct Normalize;

impl Operator for Normalize {
    fn names(&self) -> &'static [&'static str] {
        &["GroupNormalization", "InstanceNormalization", "LpNormalization", "MeanVarianceNormalization"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let op = call.node.op.name();
        if op == "LpNormalization" {
            super::axes::axis(call.int("axis", -1), x)?;
        }
        if matches!(op, "GroupNormalization" | "InstanceNormalization") {
            let &[_, channels, ..] = x else { return Err(format!("{x:?} has no channels").into()) };
            // Until operator set 20 the scale of a group normalisation was per group.
            let groups = u64::try_from(call.int("num_groups", 1)).unwrap_or(0);
            if groups == 0 || channels % groups != 0 {
                return Err(format!("{groups} groups do not divide {x:?}").into());
            }
            for i in 1..3 {
                let affine = call.shape(i)?;
                if affine != [channels] && (op == "InstanceNormalization" || affine != [groups]) {
                    return Err(format!("operand {i} of shape {affine:?} does not fit {x:?}").into());
                }
            }
        }
        Ok(vec![Fact::new(call.dtype(0)?, x)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Normalization
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let affine = matches!(node.op.name(), "GroupNormalization" | "InstanceNormalization");
        [Role::Data, Role::Scale, Role::Bias].get(i).copied().filter(|_| affine || i == 0)
    }

    fn fvcore(&self, call: &Call<'_>) -> Result<Fvcore, OpError> {
        let counts = matches!(call.node.op.name(), "GroupNormalization" | "InstanceNormalization");
        Fvcore::per_element(if counts { 5 } else { 0 }, call.shape(0)?)
    }

    /// Statistics, centring, scaling: 6; the affine ones 2 more; a norm and a division: 3.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let per_element = match call.node.op.name() {
            "LpNormalization" => 3,
            "MeanVarianceNormalization" => 6,
            _ => 8,
        };
        product([per_element, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn groups_divide_channels() {
        let groups = |n| attrs([("num_groups", Attr::Int(n))]);
        let inputs = [f32(&[2, 8, 4]), f32(&[8]), f32(&[8])];
        assert_eq!(run("GroupNormalization", groups(4), &inputs).unwrap().1.flops, 512);
        assert!(run("GroupNormalization", groups(3), &inputs).is_err());
        assert!(run("GroupNormalization", groups(0), &inputs).is_err());
        assert!(run("InstanceNormalization", attrs([]), &[f32(&[2, 8, 4]), f32(&[4]), f32(&[8])]).is_err());
    }
}
