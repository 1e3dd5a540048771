//! Windows at positions that are computed: DynamicSlice(x, starts) → `sizes`, and DynamicUpdateSlice(x, update, starts),
//! which writes a window of x and keeps its shape.

use super::axes::extents;
use crate::{Call, Class, Fact, Node, OpError, Operator, Role};

pub(super) struct DynamicSlice;

impl Operator for DynamicSlice {
    fn names(&self) -> &'static [&'static str] {
        &["DynamicSlice", "DynamicUpdateSlice"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let updates = call.node.op.name() == "DynamicUpdateSlice";
        let window = match updates {
            true => call.shape(1)?.to_vec(),
            false => extents(call.list("sizes").unwrap_or_default())?,
        };
        if window.len() != x.len() || window.iter().zip(x).any(|(part, whole)| part > whole) {
            return Err(format!("a window {window:?} does not fit {x:?}").into());
        }
        Ok(vec![Fact::new(call.dtype(0)?, if updates { x.to_vec() } else { window })])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match node.op.name() {
            "DynamicUpdateSlice" => &[Role::Data, Role::Data, Role::Coordinates],
            _ => &[Role::Data, Role::Coordinates],
        };
        roles.get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{Work, attrs};

    #[test]
    fn windows_within() {
        let sizes = |list: Vec<i64>| attrs([("sizes", list.into())]);
        assert_eq!(shape("DynamicSlice", sizes(vec![1, 3]), &[f32(&[4, 5]), f32(&[2])]).unwrap(), [1, 3]);
        let (facts, work) = run("DynamicUpdateSlice", attrs([]), &[f32(&[4, 5]), f32(&[1, 5]), f32(&[2])]).unwrap();
        assert_eq!((&facts[0], work), (&f32(&[4, 5]), Work::MOVE));
        let error = shape("DynamicSlice", sizes(vec![1, 6]), &[f32(&[4, 5]), f32(&[2])]).unwrap_err();
        assert!(format!("{error:?}").contains("[1, 6]"), "{error:?}");
    }
}
