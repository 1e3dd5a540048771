//! Max pooling of regions: (N, C, H, W) with R regions (R, 5) → (R, C, h, w).

use super::axes::{extents, product};
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct MaxRoiPool;

impl Operator for MaxRoiPool {
    fn names(&self) -> &'static [&'static str] {
        &["MaxRoiPool"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, regions) = (call.shape(0)?, call.shape(1)?);
        let pooled = extents(call.list("pooled_shape").unwrap_or_default())?;
        let (&[_, channels, _, _], &[count, 5], &[height, width]) = (x, regions, &pooled[..]) else {
            return Err(format!("regions {regions:?} and pooled_shape {pooled:?} do not fit {x:?}").into());
        };
        Ok(vec![Fact::new(call.dtype(0)?, [count, channels, height, width])])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Reduction
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Coordinates].get(i).copied()
    }

    /// How large a region is depends on data: at most, each reads the whole image.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let (x, regions) = (call.shape(0)?, call.shape(1)?);
        product(x.iter().skip(1).copied().chain(regions.first().copied())).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::attrs;

    #[test]
    fn regions_become_the_batch() {
        let pooled = attrs([("pooled_shape", vec![7, 7].into())]);
        let (facts, work) = run("MaxRoiPool", pooled, &[f32(&[1, 8, 32, 32]), f32(&[5, 5])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[5, 8, 7, 7]), 5 * 8 * 1024));
        assert!(run("MaxRoiPool", attrs([]), &[f32(&[1, 8, 32, 32]), f32(&[5, 5])]).is_err());
    }
}
