//! Flatten to a matrix: extents before `axis` become rows, the others columns.

use super::axes::{position, product};
use crate::{Call, Class, Fact, Node, OpError, Operator, Saved, Work};

pub(super) struct Flatten;

impl Operator for Flatten {
    fn names(&self) -> &'static [&'static str] {
        &["Flatten"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let axis = call.int("axis", 1);
        let at = if axis == x.len() as i64 { Some(x.len()) } else { position(axis, x.len()) };
        let (rows, columns) =
            at.and_then(|at| x.split_at_checked(at)).ok_or_else(|| format!("axis {axis} is outside {x:?}"))?;
        let shape = [product(rows.iter().copied())?, product(columns.iter().copied())?];
        Ok(vec![Fact::new(call.dtype(0)?, shape).with_value(call.input(0)?.value.clone())])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn saves(&self, _: &Node) -> Saved {
        Saved::Nothing
    }

    fn work(&self, _: &Call<'_>) -> Result<Work, OpError> {
        Ok(Work::VIEW)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{Attr, Work, attrs};

    #[test]
    fn every_axis() {
        let flat = |axis| shape("Flatten", attrs([("axis", Attr::Int(axis))]), &[f32(&[2, 3, 4])]).ok();
        assert_eq!(flat(0), Some(vec![1, 24]));
        assert_eq!(flat(2), Some(vec![6, 4]));
        assert_eq!(flat(3), Some(vec![24, 1]));
        assert_eq!(flat(-1), Some(vec![6, 4]));
        assert_eq!(flat(4), None);
        assert_eq!(run("Flatten", attrs([]), &[f32(&[2, 3, 4])]).unwrap().1, Work::VIEW);
    }
}
