//! Gather(data, indices): the extents of `indices` replace the gathered axis. With `batch_dims` (TFLite's), both share
//! their first axes.

use super::{
    axes,
    values::{offset, pick},
};
use crate::{Call, Class, Fact, Node, OpError, Operator, Role};

pub(super) struct Gather;

impl Operator for Gather {
    fn names(&self) -> &'static [&'static str] {
        &["Gather"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (data, indices) = (call.shape(0)?, call.shape(1)?);
        let axis = axes::axis(call.int("axis", 0), data)?;
        let batch = usize::try_from(call.int("batch_dims", 0)).ok().filter(|&b| b <= axis);
        let own = batch.and_then(|b| indices.strip_prefix(data.get(..b)?)).ok_or_else(|| {
            OpError::Invalid(format!("indices {indices:?} do not fit axis {axis} of {data:?}"))
        })?;
        let shape = [&data[..axis], own, &data[axis + 1..]].concat();
        let known = call.ints(1).ok().filter(|_| own.len() == indices.len());
        if let Some(&bad) = known.and_then(|v| v.iter().find(|&&i| wrap(i, data[axis]).is_none())) {
            return Err(format!("index {bad} is outside axis {axis} of {data:?}").into());
        }
        let value = known.and_then(|known| {
            pick(call.input(0).ok()?.value.as_ref(), &shape, |at| {
                let (before, rest) = at.split_at_checked(axis)?;
                let (index, after) = rest.split_at_checked(indices.len())?;
                let index = wrap(*known.get(offset(indices, index)?)?, data[axis])?;
                offset(data, &[before, &[index], after].concat())
            })
        });
        Ok(vec![Fact::new(call.dtype(0)?, shape).with_value(value)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Index].get(i).copied()
    }
}

/// Negative indices count from the end.
fn wrap(index: i64, extent: u64) -> Option<u64> {
    let from_start = if index < 0 { extent.checked_sub(index.unsigned_abs())? } else { index as u64 };
    (from_start < extent).then_some(from_start)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, int, ints, run, shape, value};
    use crate::{Attr, DType, Fact, Value, attrs};

    #[test]
    fn shared_axes_come_once() {
        let attrs = |batch| attrs([("axis", crate::Attr::Int(2)), ("batch_dims", crate::Attr::Int(batch))]);
        assert_eq!(shape("Gather", attrs(1), &[f32(&[4, 5, 6]), f32(&[4, 7])]).unwrap(), [4, 5, 7]);
        assert!(shape("Gather", attrs(1), &[f32(&[4, 5, 6]), f32(&[3, 7])]).is_err());
    }

    #[test]
    fn embedding_lookup() {
        let tokens = Fact::new(DType::I64, [8, 128]);
        assert_eq!(shape("Gather", attrs([]), &[f32(&[30522, 768]), tokens.clone()]).unwrap(), [8, 128, 768]);
        assert_eq!(shape("Gather", attrs([("axis", Attr::Int(-1))]), &[f32(&[5, 6]), tokens]).unwrap(), [5, 8, 128]);
    }

    #[test]
    fn one_extent_of_a_shape() {
        assert_eq!(value("Gather", attrs([]), &[ints(&[1, 3, 224]), int(-1)]), Value::Ints(vec![224]));
        assert_eq!(value("Gather", attrs([]), &[ints(&[1, 3, 224]), ints(&[2, 0])]), Value::Ints(vec![224, 1]));
    }

    #[test]
    fn refuses_indices_and_axes_out_of_range() {
        assert!(run("Gather", attrs([]), &[ints(&[1, 3]), int(2)]).is_err());
        assert!(run("Gather", attrs([]), &[ints(&[1, 3]), int(i64::MIN)]).is_err());
        assert!(run("Gather", attrs([("axis", Attr::Int(1))]), &[ints(&[1, 3]), int(0)]).is_err());
    }
}
