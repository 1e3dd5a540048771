//! Pooling of one region of each image, (N, C, H, W) and a region → (N, C, `output_size`), by `mode` average or max;
//! with `channels`, each part of the result comes from channels of its own. ncnn's, which runs it once a region.

use super::axes::{extents, product};
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct RegionPool;

impl Operator for RegionPool {
    fn names(&self) -> &'static [&'static str] {
        &["RegionPool"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, size) = (call.shape(0)?, extents(call.list("output_size").unwrap_or_default())?);
        let (&[n, c, _, _], &[h, w]) = (x, size.as_slice()) else {
            return Err(format!("{x:?} cannot be pooled to {size:?}").into());
        };
        let channels = match call.node.int("channels") {
            Some(channels) => extents(&[channels])?[0],
            None => c,
        };
        Ok(vec![Fact::new(call.dtype(0)?, [n, channels, h, w])])
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

    /// Eight operations a bilinear sample of which there are four a result, as of [`super::roi_align`]; a maximum
    /// compares each element of the region once.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let each = if call.text("mode", "average") == "max" { 4 } else { 32 };
        product([each, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn channels_of_the_operand_or_given() {
        let mut size = attrs([("output_size", vec![7, 5].into())]);
        let inputs = [f32(&[1, 490, 14, 14]), f32(&[1, 4])];
        assert_eq!(run("RegionPool", size.clone(), &inputs).unwrap().0[0], f32(&[1, 490, 7, 5]));
        size.insert("channels".into(), Attr::Int(10));
        let (facts, work) = run("RegionPool", size, &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[1, 10, 7, 5]), 32 * 350));
        assert!(run("RegionPool", attrs([]), &inputs).is_err());
    }
}
