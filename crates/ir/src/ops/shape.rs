//! Shape (or a range of its extents, since operator set 15; of type i64 unless `dtype`, TFLite's, says otherwise) and
//! number of elements, as tensors.

use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Value, Work, elements};

pub(super) struct ShapeOf;

impl Operator for ShapeOf {
    fn names(&self) -> &'static [&'static str] {
        &["Shape", "Size"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let too_large = || OpError::Invalid(format!("{x:?} exceeds 64 bits"));
        if call.node.op.name() == "Size" {
            let count = elements(x).and_then(|n| i64::try_from(n).ok()).ok_or_else(too_large)?;
            return Ok(vec![Fact::new(DType::I64, []).with_value(Some(Value::Ints(vec![count])))]);
        }
        let rank = x.len() as i64;
        let bound = |b: i64| if b < 0 { b.saturating_add(rank) } else { b }.clamp(0, rank) as usize;
        let (start, end) = (bound(call.int("start", 0)), bound(call.int("end", rank)));
        let extents = x.get(start..end).unwrap_or_default();
        let value = extents.iter().map(|&n| i64::try_from(n).ok()).collect::<Option<_>>().ok_or_else(too_large)?;
        let dtype = super::axes::dtype(call, "dtype")?.unwrap_or(DType::I64);
        Ok(vec![Fact::new(dtype, [extents.len() as u64]).with_value(Some(Value::Ints(value)))])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn work(&self, _: &Call<'_>) -> Result<Work, OpError> {
        Ok(Work::VIEW)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, value};
    use crate::{Attr, Value, attrs};

    #[test]
    fn ranges_clamp() {
        let x = [f32(&[2, 3, 4])];
        assert_eq!(value("Shape", attrs([]), &x), Value::Ints(vec![2, 3, 4]));
        let range = |start, end| attrs([("start", Attr::Int(start)), ("end", Attr::Int(end))]);
        assert_eq!(value("Shape", range(-2, 9), &x), Value::Ints(vec![3, 4]));
        assert_eq!(value("Shape", range(2, 1), &x), Value::Ints(vec![]));
        assert_eq!(value("Size", attrs([]), &x), Value::Ints(vec![24]));
    }
}
