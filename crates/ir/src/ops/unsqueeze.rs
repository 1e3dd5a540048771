//! Insertion of extents of 1 at `axes` of the result, an operand since operator set 13.

use super::axes;
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Saved, Work};

pub(super) struct Unsqueeze;

impl Operator for Unsqueeze {
    fn names(&self) -> &'static [&'static str] {
        &["Unsqueeze"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let list = call.list_or_input("axes", 1)?.ok_or_else(|| OpError::Invalid("has no axes".into()))?;
        let rank = x.len() + list.len();
        let places = axes::distinct(list, rank).ok_or_else(|| format!("axes {list:?} do not extend {x:?}"))?;
        let mut old = x.iter();
        let extent = |a| if places.contains(&a) { 1 } else { old.next().copied().unwrap_or(1) };
        let shape: Vec<u64> = (0..rank).map(extent).collect();
        Ok(vec![Fact::new(call.dtype(0)?, shape).with_value(call.input(0)?.value.clone())])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn saves(&self, _: &Node) -> Saved {
        Saved::Nothing
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Shape].get(i).copied()
    }

    fn work(&self, _: &Call<'_>) -> Result<Work, OpError> {
        Ok(Work::VIEW)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, int, ints, run, shape, value};
    use crate::{Value, attrs};

    #[test]
    fn inserts_at_places_of_the_result() {
        assert_eq!(shape("Unsqueeze", attrs([]), &[f32(&[3, 4]), ints(&[0, -1])]).unwrap(), [1, 3, 4, 1]);
        assert_eq!(shape("Unsqueeze", attrs([("axes", vec![1].into())]), &[f32(&[3])]).unwrap(), [3, 1]);
        assert_eq!(value("Unsqueeze", attrs([]), &[int(7), ints(&[0])]), Value::Ints(vec![7]));
        assert!(run("Unsqueeze", attrs([]), &[f32(&[3]), ints(&[2])]).is_err());
        assert!(run("Unsqueeze", attrs([]), &[f32(&[3]), ints(&[0, 0])]).is_err());
        assert!(run("Unsqueeze", attrs([]), &[f32(&[3])]).is_err());
    }
}
