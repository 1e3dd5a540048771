//! Index of the largest or smallest element along an axis, of type i64 unless `dtype` (TFLite's) says otherwise.
//! Compares cost no arithmetic.

use super::axes;
use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Work};

pub(super) struct Arg;

impl Operator for Arg {
    fn names(&self) -> &'static [&'static str] {
        &["ArgMax", "ArgMin"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let mut shape = call.shape(0)?.to_vec();
        let axis = axes::axis(call.int("axis", 0), &shape)?;
        if call.int("keepdims", 1) != 0 {
            shape[axis] = 1;
        } else {
            shape.remove(axis);
        }
        Ok(vec![Fact::new(axes::dtype(call, "dtype")?.unwrap_or(DType::I64), shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Reduction
    }

    fn work(&self, _: &Call<'_>) -> Result<Work, OpError> {
        Ok(Work::MOVE)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{Attr, DType, attrs};

    #[test]
    fn keeps_or_drops_the_axis() {
        assert_eq!(run("ArgMax", attrs([]), &[f32(&[2, 3])]).unwrap().0[0].dtype, DType::I64);
        assert_eq!(shape("ArgMax", attrs([]), &[f32(&[2, 3])]).unwrap(), [1, 3]);
        let drop = |axis| attrs([("axis", Attr::Int(axis)), ("keepdims", Attr::Int(0))]);
        assert_eq!(shape("ArgMin", drop(-1), &[f32(&[2, 3])]).unwrap(), [2]);
        assert!(run("ArgMin", drop(0), &[f32(&[])]).is_err());
    }
}
