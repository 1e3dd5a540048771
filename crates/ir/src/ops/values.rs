//! Elements of small tensors: picking, broadcasting, counting.

use std::borrow::Cow;

use crate::{Call, Fact, OpError, Shape, Value, elements};

/// Number of elements of `shape`, if few enough to be shape arithmetic.
pub(super) fn small(shape: &[u64]) -> Option<usize> {
    usize::try_from(elements(shape)?).ok().filter(|&n| n <= Value::MAX_ELEMENTS)
}

/// Row-major offset of a position.
pub(super) fn offset(shape: &[u64], position: &[u64]) -> Option<usize> {
    let add = |n: u64, (&extent, &at): (&u64, &u64)| n.checked_mul(extent)?.checked_add(at);
    usize::try_from(shape.iter().zip(position).try_fold(0, add)?).ok()
}

/// Every position of a small `shape`, last axis fastest.
pub(super) fn positions(shape: &[u64]) -> Option<impl Iterator<Item = Vec<u64>> + '_> {
    let position = |mut flat: u64| {
        let mut at = vec![0; shape.len()];
        for (a, &extent) in shape.iter().enumerate().rev() {
            (at[a], flat) = (flat % extent, flat / extent);
        }
        at
    };
    Some((0..small(shape)? as u64).map(position))
}

/// The elements of a result of this shape, each taken from the offset in `value` that `source` names.
pub(super) fn pick(
    value: Option<&Value>,
    shape: &[u64],
    mut source: impl FnMut(&[u64]) -> Option<usize>,
) -> Option<Value> {
    let value = value?;
    let offsets = positions(shape)?.map(|at| source(&at)).collect::<Option<Vec<_>>>()?;
    Some(match value {
        Value::Ints(v) => Value::Ints(offsets.into_iter().map(|i| v.get(i).copied()).collect::<Option<_>>()?),
        Value::Floats(v) => Value::Floats(offsets.into_iter().map(|i| v.get(i).copied()).collect::<Option<_>>()?),
    })
}

/// The second operand of arithmetic as NumPy broadcasts it: before operator set 7, `axis` says which axis of the first
/// one its own begin at.
pub(super) fn aligned<'a>(call: &Call<'a>) -> Result<Cow<'a, Fact>, OpError> {
    let (a, b) = (call.shape(0)?, call.shape(1)?);
    Ok(match usize::try_from(call.int("axis", -1)) {
        Ok(axis) if axis.saturating_add(b.len()) < a.len() => {
            let shape = [b, &vec![1; a.len() - axis - b.len()]].concat();
            Cow::Owned(Fact { shape: Some(shape), ..call.input(1)?.clone() })
        }
        _ => Cow::Borrowed(call.input(1)?),
    })
}

/// The common shape of NumPy's broadcasting.
pub(super) fn broadcast<'a>(shapes: impl IntoIterator<Item = &'a [u64]> + Clone) -> Result<Shape, OpError> {
    let rank = shapes.clone().into_iter().map(<[u64]>::len).max().unwrap_or(0);
    let mut out = vec![1; rank];
    for shape in shapes.clone() {
        for (o, &n) in out[rank - shape.len()..].iter_mut().zip(shape) {
            if *o == 1 {
                *o = n;
            } else if n != 1 && n != *o {
                let all: Vec<_> = shapes.into_iter().collect();
                return Err(format!("shapes {all:?} do not broadcast").into());
            }
        }
    }
    Ok(out)
}

/// The elements of `fact` repeated to fill `shape`, to which it broadcasts.
pub(super) fn broadcast_value(fact: &Fact, shape: &[u64]) -> Option<Value> {
    let from = fact.shape.as_deref()?;
    if from == shape {
        return fact.value.clone().filter(|v| Some(v.len() as u64) == elements(shape));
    }
    let lead = shape.len().checked_sub(from.len())?;
    pick(fact.value.as_ref(), shape, |at| {
        let at: Vec<u64> = at[lead..].iter().zip(from).map(|(&i, &n)| if n == 1 { 0 } else { i }).collect();
        offset(from, &at)
    })
}

/// Both operands repeated to fill `shape`; nothing is repeated unless both are known.
pub(super) fn broadcast_both(a: &Fact, b: &Fact, shape: &[u64]) -> Option<(Value, Value)> {
    (a.value.is_some() && b.value.is_some()).then_some(())?;
    Some((broadcast_value(a, shape)?, broadcast_value(b, shape)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;

    #[test]
    fn broadcasting_follows_numpy() {
        let shapes: [&[u64]; 3] = [&[4, 1, 3], &[5, 1], &[]];
        assert_eq!(broadcast(shapes).unwrap(), [4, 5, 3]);
        assert_eq!(broadcast([&[0u64][..], &[1]]).unwrap(), [0]);
        assert!(broadcast([&[2u64, 3][..], &[2]]).is_err());
    }

    #[test]
    fn values_repeat_along_extents_of_one() {
        let column = Fact::new(DType::I64, [2, 1]).with_value(Some(Value::Ints(vec![7, 8])));
        assert_eq!(broadcast_value(&column, &[2, 2]), Some(Value::Ints(vec![7, 7, 8, 8])));
    }

    #[test]
    fn values_that_lie_about_their_length_are_dropped() {
        let short = Fact::new(DType::I64, [3]).with_value(Some(Value::Ints(vec![7])));
        assert_eq!(broadcast_value(&short, &[3]), None);
    }
}
