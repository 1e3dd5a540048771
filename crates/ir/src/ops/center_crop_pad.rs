//! Cuts or pads the middle of some axes: (…) and extents → (…) with those extents.

use super::axes::{axes, extents};
use crate::{Call, Class, Fact, Node, OpError, Operator, Role};

pub(super) struct CenterCropPad;

impl Operator for CenterCropPad {
    fn names(&self) -> &'static [&'static str] {
        &["CenterCropPad"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let mut shape = call.shape(0)?.to_vec();
        let target = extents(call.ints(1)?)?;
        let axes = match call.list("axes") {
            Some(list) => axes(list, &shape)?,
            None => (0..shape.len()).collect(),
        };
        if axes.len() != target.len() {
            return Err(format!("extents {target:?} do not fit axes {axes:?} of {shape:?}").into());
        }
        for (axis, extent) in axes.into_iter().zip(target) {
            shape[axis] = extent;
        }
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Shape].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run, shape};
    use crate::{Work, attrs};

    #[test]
    fn crops_one_axis_and_pads_another() {
        let axes = attrs([("axes", vec![-2, -1].into())]);
        let (facts, work) = run("CenterCropPad", axes, &[f32(&[1, 3, 20, 8]), ints(&[10, 9])]).unwrap();
        assert_eq!((&facts[0], work), (&f32(&[1, 3, 10, 9]), Work::MOVE));
    }

    #[test]
    fn refuses_too_few_extents() {
        let error = shape("CenterCropPad", attrs([]), &[f32(&[20, 8]), ints(&[10])]).unwrap_err();
        assert!(format!("{error:?}").contains("[20, 8]"), "{error:?}");
    }
}
