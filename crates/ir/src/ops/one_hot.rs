//! OneHot(indices, depth, values): a new axis of extent `depth`.

use super::axes::position;
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Value};

pub(super) struct OneHot;

impl Operator for OneHot {
    fn names(&self) -> &'static [&'static str] {
        &["OneHot"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let mut shape = call.shape(0)?.to_vec();
        let axis = call.int("axis", -1);
        let at = position(axis, shape.len() + 1).ok_or_else(|| format!("axis {axis} does not extend {shape:?}"))?;
        let depth = match call.input(1)?.value.as_ref().ok_or(OpError::Unknown)? {
            Value::Ints(v) => v.first().copied(),
            Value::Floats(v) => v.first().map(|&x| x as i64),
        };
        let depth = depth.and_then(|d| u64::try_from(d).ok()).filter(|&d| d > 0);
        shape.insert(at, depth.ok_or_else(|| format!("depth for indices {shape:?} is not positive"))?);
        Ok(vec![Fact::new(call.dtype(2)?, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Shape, Role::Setting].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, int, run, shape};
    use crate::{Attr, DType, Fact, OpError, attrs};

    #[test]
    fn inserts_depth() {
        let indices = Fact::new(DType::I64, [2, 3]);
        let axis = |a| attrs([("axis", Attr::Int(a))]);
        let inputs = [indices.clone(), int(10), f32(&[2])];
        assert_eq!(shape("OneHot", axis(-1), &inputs).unwrap(), [2, 3, 10]);
        assert_eq!(shape("OneHot", axis(0), &inputs).unwrap(), [10, 2, 3]);
        assert!(run("OneHot", axis(3), &inputs).is_err());
        assert!(run("OneHot", axis(0), &[indices.clone(), int(-1), f32(&[2])]).is_err());
        assert_eq!(run("OneHot", axis(0), &[indices, f32(&[]), f32(&[2])]), Err(OpError::Unknown));
    }
}
