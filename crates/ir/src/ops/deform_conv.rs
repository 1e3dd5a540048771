//! Deformable convolution: each point of the window is read at an offset of its own, by linear interpolation, and with a
//! mask weighted. Products as those of a convolution; 7 operations for each point read, 8 with a mask.

use super::{
    axes::product,
    spatial::{self, Windows},
};
use crate::{Call, Class, Fact, Fvcore, Node, OpError, Operator, Role, Work, elements};

pub(super) struct DeformConv;

impl Operator for DeformConv {
    fn names(&self) -> &'static [&'static str] {
        &["DeformConv"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, w, offset) = (call.shape(0)?, call.shape(1)?, call.shape(2)?);
        let group = u64::try_from(call.int("group", 1)).ok().filter(|&g| g > 0);
        let refuse = || OpError::Invalid(format!("input {x:?}, weight {w:?} and offsets {offset:?} do not fit"));
        let (&[n, c, ref extents @ ..], &[m, per_group, ref kernel @ ..]) = (x, w) else { return Err(refuse()) };
        let fits = group.is_some_and(|g| per_group.checked_mul(g) == Some(c) && m.is_multiple_of(g));
        if !fits || kernel.is_empty() || kernel.len() != extents.len() {
            return Err(refuse());
        }
        let spatial = Windows::new(call, kernel.to_vec(), extents)?.counts(extents, false)?;
        let groups = u64::try_from(call.int("offset_group", 1)).map_err(|_| refuse())?;
        let points = product(kernel.iter().copied().chain([groups, kernel.len() as u64]))?;
        if offset.get(..2) != Some(&[n, points]) || offset.get(2..) != Some(&spatial[..]) {
            return Err(refuse());
        }
        Ok(vec![Fact::new(call.dtype(0)?, [vec![n, m], spatial].concat())])
    }

    fn class(&self, node: &Node) -> Class {
        spatial::convolution(node)
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Weight, Role::Coordinates, Role::Bias, Role::Mask].get(i).copied()
    }

    fn fvcore(&self, call: &Call<'_>) -> Result<Fvcore, OpError> {
        Fvcore::products(self.work(call)?, call)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let (outputs, w) = (call.output_elements(0)?, call.shape(1)?);
        let mut work = Work::macs(Some(product(w.iter().skip(1).copied().chain([outputs]))?))?;
        let y = call.outputs.first().and_then(|f| f.shape.as_deref()).ok_or(OpError::Unknown)?;
        let places = elements(y.get(2..).unwrap_or_default()).ok_or(OpError::Unknown)?;
        let read = call.shape(0)?.iter().take(2).chain(w.iter().skip(2)).copied().chain([places]);
        let per_point = if call.optional(4).is_some() { 8 } else { 7 };
        work.flops = work.flops.saturating_add(product(read.chain([per_point]))?);
        if call.optional(3).is_some() {
            work.flops = work.flops.saturating_add(outputs);
        }
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn a_convolution_and_its_samples() {
        let pads = attrs([("pads", vec![1; 4].into())]);
        let inputs = [f32(&[2, 64, 32, 32]), f32(&[128, 64, 3, 3]), f32(&[2, 18, 32, 32])];
        let (facts, work) = run("DeformConv", pads.clone(), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[2, 128, 32, 32]), 150_994_944));
        assert_eq!(work.flops, 2 * 150_994_944 + 7 * 2 * 64 * 9 * 1024);
        let groups = attrs([("offset_group", Attr::Int(2)), ("pads", vec![1; 4].into())]);
        assert!(run("DeformConv", groups, &inputs).is_err());
        assert!(run("DeformConv", attrs([]), &inputs).is_err());
    }
}
