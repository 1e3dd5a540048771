//! Concatenation of a sequence along one of its axes, or along a new one.

use super::axes::{self, distinct};
use crate::{Call, Class, Fact, Held, Node, OpError, Operator, Saved};

pub(super) struct ConcatFromSequence;

impl Operator for ConcatFromSequence {
    fn names(&self) -> &'static [&'static str] {
        &["ConcatFromSequence"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let Some(Held::Sequence(items)) = &call.input(0)?.held else { return Err(OpError::Unknown) };
        let shapes = items.iter().map(|item| item.shape.as_deref().ok_or(OpError::Unknown));
        let shapes = shapes.collect::<Result<Vec<_>, _>>()?;
        let &[first, ..] = shapes.as_slice() else { return Err("the sequence is empty".to_owned().into()) };
        let mut shape = first.to_vec();
        let at = call.int("axis", 0);
        let refuse = |axis| OpError::Invalid(format!("shapes {shapes:?} do not concatenate along axis {axis}"));
        if call.int("new_axis", 0) != 0 {
            let axis = distinct(&[at], first.len() + 1).ok_or_else(|| refuse(at))?[0];
            if shapes.iter().any(|s| *s != first) {
                return Err(refuse(at));
            }
            shape.insert(axis, shapes.len() as u64);
        } else {
            let axis = axes::axis(at, first)?;
            let fits = |s: &&[u64]| s.len() == first.len() && (0..first.len()).all(|a| a == axis || s[a] == first[a]);
            if !shapes.iter().all(fits) {
                return Err(refuse(at));
            }
            shape[axis] = shapes.iter().try_fold(0u64, |n, s| n.checked_add(s[axis])).ok_or_else(|| refuse(at))?;
        }
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn saves(&self, _: &Node) -> Saved {
        Saved::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, shape};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn along_an_axis_and_along_a_new_one() {
        let concat = |axis, new, shapes: &[&[u64]]| {
            let items = shapes.iter().map(|s| f32(s)).collect();
            let attrs = attrs([("axis", Attr::Int(axis)), ("new_axis", Attr::Int(new))]);
            shape("ConcatFromSequence", attrs, &[Fact::sequence(DType::F32, items)]).ok()
        };
        assert_eq!(concat(1, 0, &[&[2, 3], &[2, 4]]), Some(vec![2, 7]));
        assert_eq!(concat(0, 0, &[&[2, 3], &[2, 4]]), None);
        assert_eq!(concat(-1, 1, &[&[2, 3], &[2, 3]]), Some(vec![2, 3, 2]));
        assert_eq!(concat(0, 1, &[&[], &[], &[]]), Some(vec![3]));
        assert_eq!(concat(3, 1, &[&[2, 3], &[2, 3]]), None);
        assert_eq!(concat(0, 0, &[]), None);
    }
}
