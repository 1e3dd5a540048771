//! BroadcastArgs(a, b): the shape to which two shapes broadcast.

use super::{axes::extents, values::broadcast};
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Value};

pub(super) struct BroadcastArgs;

impl Operator for BroadcastArgs {
    fn names(&self) -> &'static [&'static str] {
        &["BroadcastArgs"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let dtype = call.dtype(0)?;
        if let (Ok(a), Ok(b)) = (call.ints(0), call.ints(1)) {
            let shape = broadcast([extents(a)?.as_slice(), &extents(b)?])?;
            let value = shape.iter().map(|&n| i64::try_from(n).ok()).collect::<Option<_>>().map(Value::Ints);
            return Ok(vec![Fact::new(dtype, [shape.len() as u64]).with_value(value)]);
        }
        match (call.shape(0)?, call.shape(1)?) {
            (&[a], &[b]) => Ok(vec![Fact::new(dtype, [a.max(b)])]),
            (a, b) => Err(format!("{a:?} and {b:?} are not lists of extents").into()),
        }
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Shape, Role::Shape].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run, value};
    use crate::{Value, attrs};

    #[test]
    fn shapes_meet() {
        assert_eq!(value("BroadcastArgs", attrs([]), &[ints(&[4, 1]), ints(&[2, 1, 3])]), Value::Ints(vec![2, 4, 3]));
        assert_eq!(run("BroadcastArgs", attrs([]), &[f32(&[2]), f32(&[4])]).unwrap().0[0], f32(&[4]));
        assert!(run("BroadcastArgs", attrs([]), &[ints(&[4]), ints(&[3])]).is_err());
    }
}
