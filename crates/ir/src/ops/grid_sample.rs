//! Sampling at given coordinates: (N, C, …) with grid (N, …', r) → (N, C, …').

use super::{axes::product, resize::per_sample};
use crate::{Call, Class, Fact, Fusion, Fvcore, Node, OpError, Operator, Role, Work};

pub(super) struct GridSample;

impl Operator for GridSample {
    fn names(&self) -> &'static [&'static str] {
        &["GridSample"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, grid) = (call.shape(0)?, call.shape(1)?);
        let refuse = || OpError::Invalid(format!("grid {grid:?} does not fit {x:?}"));
        let (&[n, c, ref spatial @ ..], &[batch, ref sampled @ .., r]) = (x, grid) else { return Err(refuse()) };
        if n != batch || spatial.is_empty() || sampled.len() != spatial.len() || r != spatial.len() as u64 {
            return Err(refuse());
        }
        Ok(vec![Fact::new(call.dtype(0)?, [&[n, c], sampled].concat())])
    }

    fn class(&self, node: &Node) -> Class {
        if per_sample(node.text("mode").unwrap_or("linear")) == 0 { Class::Movement } else { Class::Elementwise }
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Coordinates].get(i).copied()
    }

    fn fvcore(&self, call: &Call<'_>) -> Result<Fvcore, OpError> {
        Fvcore::per_result(4, call)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        product([per_sample(call.text("mode", "linear")), call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::attrs;

    #[test]
    fn grid_decides_the_extents() {
        let inputs = [f32(&[2, 3, 8, 8]), f32(&[2, 4, 5, 2])];
        let (facts, work) = run("GridSample", attrs([]), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[2, 3, 4, 5]), 7 * 120));
        assert_eq!(run("GridSample", attrs([("mode", "nearest".into())]), &inputs).unwrap().1.flops, 0);
        assert!(run("GridSample", attrs([]), &[f32(&[2, 3, 8, 8]), f32(&[2, 4, 5, 3])]).is_err());
    }
}
