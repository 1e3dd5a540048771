//! Padding by `pads` (begins, then ends; negative ones crop), an operand since operator set 11.

use super::axes;
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Saved};

pub(super) struct Pad;

impl Operator for Pad {
    fn names(&self) -> &'static [&'static str] {
        &["Pad"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let pads = call.list_or_input("pads", 1)?.ok_or_else(|| OpError::Invalid("has no pads".into()))?;
        let axes = match call.optional(3) {
            Some(_) => axes::axes(call.ints(3)?, x)?,
            None => (0..x.len()).collect(),
        };
        if pads.len() != 2 * axes.len() {
            return Err(format!("pads {pads:?} do not fit {x:?}").into());
        }
        let mut shape = x.to_vec();
        for (&axis, (&before, &after)) in axes.iter().zip(pads.iter().zip(&pads[axes.len()..])) {
            let extent = i128::from(x[axis]) + i128::from(before) + i128::from(after);
            shape[axis] = u64::try_from(extent).map_err(|_| format!("pads {pads:?} do not fit {x:?}"))?;
        }
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn saves(&self, _: &Node) -> Saved {
        Saved::Nothing
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Shape, Role::Setting, Role::Shape].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32, ints, shape};
    use crate::attrs;

    #[test]
    fn attribute_operand_and_axes() {
        let x = f32(&[1, 3, 8, 8]);
        let old = attrs([("pads", vec![0, 0, 1, 2, 0, 0, 3, -4].into())]);
        assert_eq!(shape("Pad", old, std::slice::from_ref(&x)).unwrap(), [1, 3, 12, 6]);
        let (pads, axes) = (ints(&[1, 1]), ints(&[-1]));
        let (facts, _) = call("Pad", attrs([]), &[Some(&x), Some(&pads), None, Some(&axes)], 1).unwrap();
        assert_eq!(facts[0], f32(&[1, 3, 8, 10]));
    }

    #[test]
    fn refuses_to_crop_more_than_there_is() {
        assert!(shape("Pad", attrs([]), &[f32(&[2]), ints(&[-2, -1])]).is_err());
        assert!(shape("Pad", attrs([]), &[f32(&[2]), ints(&[1])]).is_err());
    }
}
