//! The k largest or smallest elements along an axis, and their indices, of type i64 unless `dtype` (TFLite's) says
//! otherwise. Compares cost no arithmetic.

use super::axes;
use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Role};

pub(super) struct TopK;

impl Operator for TopK {
    fn names(&self) -> &'static [&'static str] {
        &["TopK"]
    }

    /// `k` is an operand since operator set 10.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let mut shape = call.shape(0)?.to_vec();
        let axis = axes::axis(call.int("axis", -1), &shape)?;
        let k = match call.optional(1) {
            Some(_) => call.ints(1)?.first().copied().unwrap_or(-1),
            None => call.int("k", -1),
        };
        let fits = u64::try_from(k).ok().filter(|&k| k <= shape[axis]);
        shape[axis] = fits.ok_or_else(|| format!("k = {k} does not fit axis {axis} of {shape:?}"))?;
        let indices = axes::dtype(call, "dtype")?.unwrap_or(DType::I64);
        Ok(vec![Fact::new(call.dtype(0)?, shape.clone()), Fact::new(indices, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Shape].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn k_is_attribute_or_operand() {
        let (facts, _) = run("TopK", attrs([]), &[f32(&[2, 9]), ints(&[5])]).unwrap();
        assert_eq!(facts, [f32(&[2, 5]), Fact::new(DType::I64, [2, 5])]);
        assert_eq!(run("TopK", attrs([("k", Attr::Int(3))]), &[f32(&[9])]).unwrap().0[0], f32(&[3]));
        assert!(run("TopK", attrs([]), &[f32(&[2, 9]), ints(&[10])]).is_err());
    }
}
