//! GatherElements(data, indices): one element of `data` for each index.

use super::axes;
use crate::{Call, Class, Fact, Node, OpError, Operator, Role};

pub(super) struct GatherElements;

impl Operator for GatherElements {
    fn names(&self) -> &'static [&'static str] {
        &["GatherElements"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (data, indices) = (call.shape(0)?, call.shape(1)?);
        let axis = axes::axis(call.int("axis", 0), data)?;
        let within = |(a, (&n, &i)): (usize, (&u64, &u64))| a == axis || i <= n;
        if indices.len() != data.len() || !data.iter().zip(indices).enumerate().all(within) {
            return Err(format!("indices {indices:?} do not fit {data:?} along axis {axis}").into());
        }
        Ok(vec![Fact::new(call.dtype(0)?, indices)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Index].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn takes_the_shape_of_the_indices() {
        let indices = |s: &[u64]| Fact::new(DType::I64, s);
        let axis = attrs([("axis", Attr::Int(1))]);
        assert_eq!(shape("GatherElements", axis, &[f32(&[4, 3]), indices(&[2, 9])]).unwrap(), [2, 9]);
        assert!(run("GatherElements", attrs([]), &[f32(&[4, 3]), indices(&[2, 9])]).is_err());
        assert!(run("GatherElements", attrs([]), &[f32(&[4, 3]), indices(&[2])]).is_err());
    }
}
