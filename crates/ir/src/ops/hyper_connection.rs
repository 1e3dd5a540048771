//! Hyper-connections: several streams of features, (…, C, H) or (…, C × H), that are mixed into one before a block and
//! written again after it.

use super::{axes::product, matmul_nbits::positive};
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Shape, Work};

pub(super) struct HyperConnection;

/// Leading extents, number of streams, width of one.
fn streams(call: &Call<'_>) -> Result<(Shape, u64, u64), OpError> {
    let x = call.shape(0)?;
    match (positive(call, "num_branches"), x) {
        (Ok(n), [outer @ .., all]) if all.is_multiple_of(n) => Ok((outer.to_vec(), n, all / n)),
        (Err(_), [outer @ .., n, width]) => Ok((outer.to_vec(), *n, *width)),
        _ => Err(format!("{x:?} holds no streams").into()),
    }
}

impl Operator for HyperConnection {
    fn names(&self) -> &'static [&'static str] {
        &["HyperConnectionLowRankMix", "HyperConnectionPostMix", "HyperConnectionPreMix"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (outer, n, width) = streams(call)?;
        let dtype = call.dtype(0)?;
        let fact = |n: u64| Fact::new(dtype, [&outer[..], &[n]].concat());
        let same = Fact::new(dtype, call.shape(0)?);
        Ok(match call.node.op.name() {
            "HyperConnectionLowRankMix" => vec![fact(width), fact(n), same],
            "HyperConnectionPostMix" => vec![same],
            _ => vec![fact(width)],
        })
    }

    fn class(&self, node: &Node) -> Class {
        if node.op.name() == "HyperConnectionLowRankMix" { Class::Matrix } else { Class::Elementwise }
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Data, Factor, Scale, Weight};
        let roles: &[Role] = match node.op.name() {
            "HyperConnectionLowRankMix" => &[Data, Scale, Weight, Weight, Weight, Data, Data],
            "HyperConnectionPostMix" => &[Data, Data, Factor, Factor],
            _ => &[Data, Factor],
        };
        roles.get(i).copied()
    }

    /// Mixes cost 2 per element of the streams, or 2 per pair of streams with a matrix; the low-rank form has three
    /// products, and 8 per element to normalise, gate and reduce.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let (outer, n, width) = streams(call)?;
        let rows = product(outer)?;
        let elements = product([rows, n, width])?;
        match call.node.op.name() {
            "HyperConnectionLowRankMix" => {
                let weights = (2..5).map(|i| product(call.shape(i)?.iter().copied()));
                let mut macs = 0u64;
                for weight in weights {
                    macs = macs.saturating_add(product([weight?, rows])?);
                }
                let mut work = Work::macs(Some(macs))?;
                work.flops = work.flops.saturating_add(product([8, elements])?);
                Ok(work)
            }
            "HyperConnectionPostMix" if call.optional(3).is_some() => {
                Ok(Work::flops(product([2, elements, n.saturating_add(1)])?))
            }
            _ => Ok(Work::flops(product([2, elements])?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{Attr, attrs};

    #[test]
    fn streams_apart_and_flat() {
        assert_eq!(
            shape("HyperConnectionPreMix", attrs([]), &[f32(&[2, 5, 4, 32]), f32(&[2, 5, 4])]).unwrap(),
            [2, 5, 32]
        );
        let four = attrs([("num_branches", Attr::Int(4))]);
        let inputs = [f32(&[2, 5, 128]), f32(&[128]), f32(&[128, 8]), f32(&[8, 128]), f32(&[128, 4])];
        let (facts, work) = run("HyperConnectionLowRankMix", four, &inputs).unwrap();
        assert_eq!(facts[..2], [f32(&[2, 5, 32]), f32(&[2, 5, 4])]);
        assert_eq!(work.macs, 10 * (2 * 1024 + 512));
    }
}
