//! Split along an axis, into given parts (an operand since operator set 13) or into equal ones.

use super::{
    axes,
    values::{offset, pick},
};
use crate::{Attr, Call, Class, Fact, Node, OpError, Operator, Role, Saved};

pub(super) struct Split;

impl Operator for Split {
    fn names(&self) -> &'static [&'static str] {
        &["Split"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let axis = axes::axis(call.int("axis", 0), x)?;
        let parts = match call.list_or_input("split", 1)? {
            Some(parts) => axes::extents(parts)?,
            None => equal_parts(call, x[axis])
                .ok_or_else(|| format!("axis {axis} of {x:?} does not split into {} parts", call.node.outputs.len()))?,
        };
        if parts.iter().try_fold(0u64, |n, &p| n.checked_add(p)) != Some(x[axis]) {
            return Err(format!("parts {parts:?} do not add up to axis {axis} of {x:?}").into());
        }
        let (dtype, value) = (call.dtype(0)?, call.input(0)?.value.as_ref());
        let mut start = 0;
        let part = |&n: &u64| {
            let mut shape = x.to_vec();
            shape[axis] = n;
            let value = pick(value, &shape, |at| {
                let mut at = at.to_vec();
                at[axis] += start;
                offset(x, &at)
            });
            start += n;
            Fact::new(dtype, shape).with_value(value)
        };
        Ok(parts.iter().map(part).collect())
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

/// As many parts as results. With `num_outputs` (operator set 18) the last one may be smaller.
fn equal_parts(call: &Call<'_>, extent: u64) -> Option<Vec<u64>> {
    let count = call.node.outputs.len() as u64;
    let last_first = count.checked_sub(1)?;
    let part = match call.attrs().get("num_outputs") {
        Some(Attr::Int(n)) if u64::try_from(*n).ok()? == count => extent.div_ceil(count),
        Some(_) => return None,
        None => extent.checked_div(count).filter(|p| p.checked_mul(count) == Some(extent))?,
    };
    let mut parts = vec![part; last_first as usize];
    parts.push(extent.checked_sub(part.checked_mul(last_first)?)?);
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32, ints};
    use crate::{Attr, Attrs, Fact, OpError, Value, attrs};

    fn split(attrs: Attrs, inputs: &[Fact], results: usize) -> Result<Vec<Fact>, OpError> {
        call("Split", attrs, &inputs.iter().map(Some).collect::<Vec<_>>(), results).map(|(facts, _)| facts)
    }

    #[test]
    fn equal_and_given_parts() {
        let x = [f32(&[2, 7])];
        let seven = |n| attrs([("axis", Attr::Int(1)), ("num_outputs", Attr::Int(n))]);
        assert_eq!(split(seven(3), &x, 3).unwrap(), [f32(&[2, 3]), f32(&[2, 3]), f32(&[2, 1])]);
        assert!(split(seven(5), &x, 5).is_err());
        assert!(split(seven(2), &x, 3).is_err());
        assert_eq!(split(attrs([]), &x, 2).unwrap(), [f32(&[1, 7]), f32(&[1, 7])]);
        assert!(split(attrs([("axis", Attr::Int(1))]), &x, 2).is_err());
        let old = attrs([("axis", Attr::Int(-1)), ("split", vec![3, 4].into())]);
        assert_eq!(split(old, &x, 2).unwrap(), [f32(&[2, 3]), f32(&[2, 4])]);
    }

    #[test]
    fn parts_of_a_shape() {
        let facts = split(attrs([]), &[ints(&[5, 6, 7]), ints(&[1, 2])], 2).unwrap();
        assert_eq!(facts[1].value, Some(Value::Ints(vec![6, 7])));
        assert!(split(attrs([]), &[ints(&[5, 6, 7]), ints(&[1, 1])], 2).is_err());
        assert!(split(attrs([]), &[ints(&[5, 6, 7]), ints(&[4, -1])], 2).is_err());
    }
}
