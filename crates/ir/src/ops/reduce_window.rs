//! ReduceWindow(x, start, window, strides, dilations): a reduction over windows along every axis.
//!
//! The attributes `base_dilations` and `pads` (begins, then ends) are StableHLO's. One operation per element of a window.

use super::axes::{extents, product};
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Work};

pub(super) struct ReduceWindow;

impl Operator for ReduceWindow {
    fn names(&self) -> &'static [&'static str] {
        &["ReduceWindow"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let [window, strides, dilations] = [2, 3, 4].map(|i| call.ints(i).and_then(extents));
        let (window, strides, dilations) = (window?, strides?, dilations?);
        let refuse = || OpError::Invalid(format!("windows {window:?} by {strides:?} do not fit {x:?}"));
        let base = call.list("base_dilations").map_or(Ok(vec![1; x.len()]), extents)?;
        let pads = call.list("pads").map_or(vec![0; 2 * x.len()], <[i64]>::to_vec);
        if [&window, &strides, &dilations, &base].iter().any(|list| list.len() != x.len()) || pads.len() != 2 * x.len() {
            return Err(refuse());
        }
        let extent = |a: usize| {
            let spread = |n: u64, by: u64| i128::from(n).saturating_sub(1).checked_mul(by.into())?.checked_add(1);
            let room = spread(x[a], base[a])?
                .checked_add(i128::from(pads[a]) + i128::from(pads[x.len() + a]))?
                .checked_sub(spread(window[a], dilations[a])?)?;
            if room < 0 {
                return Some(0);
            }
            u64::try_from(room.checked_div(strides[a].into())? + 1).ok()
        };
        let shape: Option<Vec<u64>> = (0..x.len()).map(extent).collect();
        Ok(vec![Fact::new(call.dtype(0)?, shape.ok_or_else(refuse)?)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Reduction
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Setting, Role::Shape, Role::Shape, Role::Shape].get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let window = extents(call.ints(2)?)?;
        product(window.into_iter().chain([call.output_elements(0)?])).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, floats, ints, run};
    use crate::{Work, attrs};

    #[test]
    fn windows_with_gaps() {
        let operands = [f32(&[1, 9, 8]), floats(&[0.0]), ints(&[1, 3, 2]), ints(&[1, 2, 2]), ints(&[1, 2, 1])];
        let (facts, work) = run("ReduceWindow", attrs([]), &operands).unwrap();
        assert_eq!((&facts[0], work), (&f32(&[1, 3, 4]), Work::flops(72)));
        let pads = attrs([("pads", vec![0, 1, 0, 0, 1, 0].into())]);
        assert_eq!(run("ReduceWindow", pads, &operands).unwrap().0[0], f32(&[1, 4, 4]));
        let error = run("ReduceWindow", attrs([]), &[f32(&[9]), operands[1].clone(), ints(&[1, 3]), ints(&[1]), ints(&[1])]);
        assert!(format!("{error:?}").contains("[9]"), "{error:?}");
    }
}
