//! GatherND(data, indices): each vector along the last axis of `indices` picks a slice of `data`.

use crate::{Call, Class, Fact, Node, OpError, Operator, Role};

pub(super) struct GatherNd;

impl Operator for GatherNd {
    fn names(&self) -> &'static [&'static str] {
        &["GatherND"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (data, indices) = (call.shape(0)?, call.shape(1)?);
        let batch = call.int("batch_dims", 0);
        let refuse = || OpError::Invalid(format!("indices {indices:?} do not fit {data:?} with batch_dims {batch}"));
        let (&depth, outer) = indices.split_last().ok_or_else(refuse)?;
        let batch = usize::try_from(batch).map_err(|_| refuse())?;
        if batch > outer.len() || data.get(..batch) != outer.get(..batch) {
            return Err(refuse());
        }
        let consumed = usize::try_from(depth).ok().and_then(|depth| depth.checked_add(batch)).ok_or_else(refuse)?;
        let slice = data.get(consumed..).ok_or_else(refuse)?;
        Ok(vec![Fact::new(call.dtype(0)?, [outer, slice].concat())])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Coordinates].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn slices_and_batches() {
        let indices = |s: &[u64]| Fact::new(DType::I64, s);
        assert_eq!(shape("GatherND", attrs([]), &[f32(&[4, 3, 2]), indices(&[5, 2])]).unwrap(), [5, 2]);
        let batch = attrs([("batch_dims", Attr::Int(1))]);
        assert_eq!(shape("GatherND", batch.clone(), &[f32(&[4, 3, 2]), indices(&[4, 1])]).unwrap(), [4, 2]);
        assert!(run("GatherND", batch, &[f32(&[4, 3, 2]), indices(&[5, 1])]).is_err());
        assert!(run("GatherND", attrs([]), &[f32(&[4, 3]), indices(&[5, 3])]).is_err());
    }
}
