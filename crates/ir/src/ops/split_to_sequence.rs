//! Split along an axis into a sequence: into given parts, parts of one given extent, or slices.

use super::axes;
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Saved, Value};

pub(super) struct SplitToSequence;

impl Operator for SplitToSequence {
    fn names(&self) -> &'static [&'static str] {
        &["SplitToSequence"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, dtype) = (call.shape(0)?, call.dtype(0)?);
        let axis = axes::axis(call.int("axis", 0), x)?;
        let part = |extent: Option<u64>| {
            let mut shape = x.to_vec();
            match extent {
                Some(n) => shape[axis] = n,
                None => drop(shape.remove(axis)),
            }
            Fact::new(dtype, shape)
        };
        let equal = |extent: u64, item: Fact| {
            let count = x[axis].div_ceil(extent);
            if count > Value::MAX_ELEMENTS as u64 {
                return Fact::sequence_of(item);
            }
            let mut items = vec![item; count as usize];
            // The last part is what is left.
            if let (Some(last), rest @ 1..) = (items.last_mut(), x[axis] % extent) {
                *last = part(Some(rest));
            }
            Fact::sequence(dtype, items)
        };
        let Some(split) = call.optional(1) else {
            let keeps = call.int("keepdims", 1) != 0;
            return Ok(vec![equal(1, part(keeps.then_some(1)))]);
        };
        let parts = axes::extents(call.ints(1)?)?;
        if let (Some([]), &[extent]) = (split.shape.as_deref(), &parts[..]) {
            if extent == 0 {
                return Err(format!("parts of extent 0 do not fill axis {axis} of {x:?}").into());
            }
            return Ok(vec![equal(extent, part(Some(extent)))]);
        }
        if parts.iter().try_fold(0u64, |n, &p| n.checked_add(p)) != Some(x[axis]) {
            return Err(format!("parts {parts:?} do not add up to axis {axis} of {x:?}").into());
        }
        Ok(vec![Fact::sequence(dtype, parts.into_iter().map(|n| part(Some(n))).collect())])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn saves(&self, _: &Node) -> Saved {
        Saved::Nothing
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Shape].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, int, ints, run};
    use crate::{Attr, Attrs, DType, Fact, attrs};

    fn split(attrs: Attrs, inputs: &[Fact]) -> Option<Fact> {
        Some(run("SplitToSequence", attrs, inputs).ok()?.0[0].clone())
    }

    #[test]
    fn parts_extents_and_slices() {
        let x = f32(&[2, 7]);
        let along = |keep| attrs([("axis", Attr::Int(1)), ("keepdims", Attr::Int(keep))]);
        let sequence = |items: &[Fact]| Some(Fact::sequence(DType::F32, items.to_vec()));
        let three = [f32(&[2, 3]), f32(&[2, 3]), f32(&[2, 1])];
        assert_eq!(split(along(0), &[x.clone(), int(3)]), sequence(&three));
        assert_eq!(split(along(0), &[x.clone(), ints(&[3, 3, 1])]), sequence(&three));
        assert_eq!(split(along(0), std::slice::from_ref(&x)), sequence(&vec![f32(&[2]); 7]));
        assert_eq!(split(along(1), std::slice::from_ref(&x)), sequence(&vec![f32(&[2, 1]); 7]));
        assert_eq!(split(along(1), &[x.clone(), ints(&[3, 3])]), None);
        assert_eq!(split(along(1), &[x, int(0)]), None);
    }

    #[test]
    fn long_axes_keep_what_their_parts_have_in_common() {
        assert_eq!(split(attrs([]), &[f32(&[u64::MAX, 2])]), Some(Fact::sequence_of(f32(&[1, 2]))));
    }
}
