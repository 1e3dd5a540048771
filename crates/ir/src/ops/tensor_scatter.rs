//! New keys and values written into a cache, which keeps its shape.

use super::axes;
use crate::{Call, Class, Fact, Node, OpError, Operator, Role};

pub(super) struct TensorScatter;

impl Operator for TensorScatter {
    fn names(&self) -> &'static [&'static str] {
        &["TensorScatter"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (cache, update) = (call.shape(0)?, call.shape(1)?);
        let axis = axes::axis(call.int("axis", -2), cache)?;
        let fits = |(a, (&n, &m)): (usize, (&u64, &u64))| if a == axis { m <= n } else { m == n };
        if cache.len() != update.len() || !cache.iter().zip(update).enumerate().all(fits) {
            return Err(format!("update {update:?} does not fit cache {cache:?} along axis {axis}").into());
        }
        Ok(vec![Fact::new(call.dtype(0)?, cache)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::State, Role::Data, Role::Index].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{Attr, attrs};

    #[test]
    fn the_cache_keeps_its_shape() {
        let cache = f32(&[2, 8, 512, 64]);
        assert_eq!(shape("TensorScatter", attrs([]), &[cache.clone(), f32(&[2, 8, 1, 64])]).unwrap(), [2, 8, 512, 64]);
        assert!(run("TensorScatter", attrs([]), &[cache.clone(), f32(&[2, 8, 513, 64])]).is_err());
        let along = attrs([("axis", Attr::Int(1))]);
        assert!(run("TensorScatter", along, &[cache, f32(&[2, 8, 1, 64])]).is_err());
    }
}
