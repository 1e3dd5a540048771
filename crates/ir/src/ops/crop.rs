//! Crop, on trial before operator set 7: (N, C, H, W) without a `border` (left, top, right, bottom), or from there as
//! much as `scale` (height, width) says.

use super::axes::extents;
use crate::{Call, Class, Fact, Node, OpError, Operator};

pub(super) struct Crop;

impl Operator for Crop {
    fn names(&self) -> &'static [&'static str] {
        &["Crop"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, border) = (call.shape(0)?, call.list("border").unwrap_or(&[0; 4]));
        let refuse = || OpError::Invalid(format!("border {border:?} does not fit {x:?}"));
        let (&[n, c, height, width], &[left, top, right, bottom]) = (x, &extents(border)?[..]) else {
            return Err(refuse());
        };
        let (rows, columns) = (height.checked_sub(top), width.checked_sub(left));
        let (Some(rows), Some(columns)) = (rows, columns) else { return Err(refuse()) };
        let [rows, columns] = match call.list("scale") {
            Some(scale) => match extents(scale)?[..] {
                [height, width] if height <= rows && width <= columns => [height, width],
                _ => return Err(format!("scale {scale:?} does not fit {x:?} without border {border:?}").into()),
            },
            None => [rows.checked_sub(bottom).ok_or_else(refuse)?, columns.checked_sub(right).ok_or_else(refuse)?],
        };
        Ok(vec![Fact::new(call.dtype(0)?, [n, c, rows, columns])])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::attrs;

    #[test]
    fn borders_and_scales() {
        let x = [f32(&[1, 2, 10, 20])];
        let border = ("border", vec![1, 2, 3, 4].into());
        assert_eq!(shape("Crop", attrs([border.clone()]), &x).unwrap(), [1, 2, 4, 16]);
        let scaled = attrs([border, ("scale", vec![5, 6].into())]);
        assert_eq!(shape("Crop", scaled, &x).unwrap(), [1, 2, 5, 6]);
        assert!(run("Crop", attrs([("border", vec![0, 7, 0, 4].into())]), &x).is_err());
    }
}
