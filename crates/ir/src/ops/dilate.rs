//! Dilate(x, dilations, fill): extents n become (n − 1)·d + 1.

use super::axes::extents;
use crate::{Call, Class, Fact, Node, OpError, Operator, Role};

pub(super) struct Dilate;

impl Operator for Dilate {
    fn names(&self) -> &'static [&'static str] {
        &["Dilate"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, dilations) = (call.shape(0)?, extents(call.ints(1)?)?);
        let refuse = || OpError::Invalid(format!("dilations {dilations:?} do not fit {x:?}"));
        if x.len() != dilations.len() || dilations.contains(&0) {
            return Err(refuse());
        }
        let extent = |(&n, &d): (&u64, &u64)| match n.checked_sub(1) {
            None => Some(0),
            Some(gaps) => gaps.checked_mul(d)?.checked_add(1),
        };
        let shape: Option<Vec<u64>> = x.iter().zip(&dilations).map(extent).collect();
        Ok(vec![Fact::new(call.dtype(0)?, shape.ok_or_else(refuse)?)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Shape, Role::Setting].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, shape};
    use crate::attrs;

    #[test]
    fn gaps_between_elements() {
        assert_eq!(shape("Dilate", attrs([]), &[f32(&[3, 4]), ints(&[2, 1])]).unwrap(), [5, 4]);
        let error = shape("Dilate", attrs([]), &[f32(&[3, 4]), ints(&[2])]).unwrap_err();
        assert!(format!("{error:?}").contains("[3, 4]"), "{error:?}");
    }
}
