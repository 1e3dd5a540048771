//! Removal of extents of 1: all, or those of `axes`, an operand since operator set 13.

use super::axes;
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Saved, Work};

pub(super) struct Squeeze;

impl Operator for Squeeze {
    fn names(&self) -> &'static [&'static str] {
        &["Squeeze"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let mut keep: Vec<bool> = x.iter().map(|&n| n != 1).collect();
        if let Some(list) = call.list_or_input("axes", 1)? {
            keep.fill(true);
            for a in axes::axes(list, x)? {
                if x[a] != 1 {
                    return Err(format!("axis {a} of {x:?} is not 1").into());
                }
                keep[a] = false;
            }
        }
        let shape: Vec<u64> = x.iter().zip(keep).filter(|(_, keep)| *keep).map(|(&n, _)| n).collect();
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
    use super::super::testing::{f32, ints, run, shape, value};
    use crate::{Value, attrs};

    #[test]
    fn all_or_some() {
        assert_eq!(shape("Squeeze", attrs([]), &[f32(&[1, 3, 1])]).unwrap(), [3]);
        assert_eq!(shape("Squeeze", attrs([]), &[f32(&[1, 3, 1]), ints(&[-1])]).unwrap(), [1, 3]);
        assert_eq!(shape("Squeeze", attrs([("axes", vec![0].into())]), &[f32(&[1, 3, 1])]).unwrap(), [3, 1]);
        assert_eq!(value("Squeeze", attrs([]), &[ints(&[9])]), Value::Ints(vec![9]));
        assert!(run("Squeeze", attrs([]), &[f32(&[1, 3, 1]), ints(&[1])]).is_err());
        assert!(run("Squeeze", attrs([]), &[f32(&[1, 3, 1]), ints(&[3])]).is_err());
    }
}
