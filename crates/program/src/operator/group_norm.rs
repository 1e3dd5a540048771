//! Group and instance normalisation.

use super::{Node, Operator, layer_norm, reshape};
use crate::{BufferId, Builder, Error, Expr, Result};

/// x (N, C, …), normalised within each of `groups` groups of channels, then scaled and shifted by channel.
///
/// # Errors
/// Groups that do not divide the channels; a scale or shift of another length.
pub fn group_norm(
    b: &mut Builder,
    x: BufferId,
    groups: u64,
    epsilon: f64,
    scale: BufferId,
    shift: BufferId,
) -> Result<BufferId> {
    let shape = b.shape(x).to_vec();
    let fits = shape.len() >= 2 && groups > 0 && shape[1].is_multiple_of(groups);
    if !fits || b.shape(scale) != [shape[1]] || b.shape(shift) != [shape[1]] {
        return Err(Error::operator("group_norm", format!("{shape:?}, {groups} groups")));
    }
    let rest: u64 = shape[2..].iter().product();
    let grouped = reshape(b, x, &[shape[0], groups, shape[1] / groups * rest])?;
    let normal = layer_norm(b, grouped, 2, epsilon, None, None)?;
    let back = reshape(b, normal, &shape)?;
    b.apply("group_norm", back, |y, i| {
        y * Expr::Load(scale, vec![i[1].clone()]) + Expr::Load(shift, vec![i[1].clone()])
    })
}

pub(super) struct GroupNorm;

impl Operator for GroupNorm {
    fn names(&self) -> &'static [&'static str] {
        &["GroupNormalization", "InstanceNormalization"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let x = node.operand(0)?;
        let groups = match node.name() {
            "InstanceNormalization" => b.shape(x).get(1).copied().unwrap_or(0),
            _ => u64::try_from(node.call.int("num_groups", 0)).unwrap_or(0),
        };
        let epsilon = node.call.float("epsilon", 1e-5);
        group_norm(b, x, groups, epsilon, node.operand(1)?, node.operand(2)?).map(|y| vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::run;
    use super::*;

    #[test]
    fn each_group_has_mean_zero_before_scale_and_shift() {
        let shapes: [&[u64]; 3] = [&[1, 4, 3, 2], &[4], &[4]];
        let (w, all, _) = run(&shapes, |b, x| group_norm(b, x[0], 2, 1e-5, x[1], x[2]));
        let normal = &all[&w.find("norm").unwrap()];
        for group in normal.chunks(12) {
            assert!(group.iter().sum::<f64>().abs() < 1e-5);
            assert!((group.iter().map(|x| x * x).sum::<f64>() / 12.0 - 1.0).abs() < 1e-3);
        }
    }
}
