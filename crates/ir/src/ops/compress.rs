//! Selection by a vector of booleans: the shape is known only where the vector is.

use super::axes;
use crate::{Call, Class, Fact, Node, OpError, Operator, Role};

pub(super) struct Compress;

impl Operator for Compress {
    fn names(&self) -> &'static [&'static str] {
        &["Compress"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let dtype = call.dtype(0)?;
        let Ok(condition) = call.ints(1) else { return Ok(vec![Fact::unknown(dtype)]) };
        let chosen = condition.iter().filter(|&&c| c != 0).count() as u64;
        if !call.attrs().contains_key("axis") {
            return Ok(vec![Fact::new(dtype, [chosen])]);
        }
        let mut shape = call.shape(0)?.to_vec();
        let axis = axes::axis(call.int("axis", 0), &shape)?;
        if condition.len() as u64 > shape[axis] {
            return Err(format!("{} conditions exceed axis {axis} of {shape:?}", condition.len()).into());
        }
        shape[axis] = chosen;
        Ok(vec![Fact::new(dtype, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Mask].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run, shape};
    use crate::{Attr, attrs};

    #[test]
    fn known_conditions_only() {
        let axis = |a| attrs([("axis", Attr::Int(a))]);
        assert_eq!(shape("Compress", axis(1), &[f32(&[4, 3]), ints(&[0, 1, 1])]).unwrap(), [4, 2]);
        assert_eq!(shape("Compress", attrs([]), &[f32(&[4, 3]), ints(&[1])]).unwrap(), [1]);
        assert_eq!(run("Compress", attrs([]), &[f32(&[4, 3]), f32(&[3])]).unwrap().0[0].shape, None);
        assert!(run("Compress", axis(1), &[f32(&[4, 1]), ints(&[0, 1])]).is_err());
    }
}
