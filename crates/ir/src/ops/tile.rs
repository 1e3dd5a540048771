//! Repetition along every axis.

use super::{
    axes::{axis, extents},
    values::{offset, pick},
};
use crate::{Call, Class, Fact, Node, OpError, Operator, Role};

pub(super) struct Tile;

impl Operator for Tile {
    fn names(&self) -> &'static [&'static str] {
        &["Tile"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, mut repeats) = (call.shape(0)?, extents(call.ints(1)?)?);
        // In operator set 1 a number of tiles, along an axis.
        if call.optional(2).is_some() {
            let (&[tiles], &[along]) = (&repeats[..], call.ints(2)?) else {
                return Err(format!("tiles {repeats:?} of {x:?} are not one number").into());
            };
            let along = axis(along, x)?;
            repeats = (0..x.len()).map(|a| if a == along { tiles } else { 1 }).collect();
        }
        let repeat = |(&n, &times): (&u64, &u64)| n.checked_mul(times);
        let shape = (x.len() == repeats.len()).then(|| x.iter().zip(&repeats).map(repeat).collect::<Option<Vec<_>>>());
        let shape = shape.flatten().ok_or_else(|| format!("repeats {repeats:?} do not fit {x:?}"))?;
        let value = pick(call.input(0)?.value.as_ref(), &shape, |at| {
            offset(x, &at.iter().zip(x).map(|(&i, &n)| i.checked_rem(n)).collect::<Option<Vec<_>>>()?)
        });
        Ok(vec![Fact::new(call.dtype(0)?, shape).with_value(value)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Shape, Role::Shape].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run, shape, value};
    use crate::{Value, attrs};

    #[test]
    fn repeats_extents_and_elements() {
        assert_eq!(shape("Tile", attrs([]), &[f32(&[2, 3]), ints(&[2, 0])]).unwrap(), [4, 0]);
        assert_eq!(value("Tile", attrs([]), &[ints(&[1, 2]), ints(&[2])]), Value::Ints(vec![1, 2, 1, 2]));
        assert!(run("Tile", attrs([]), &[f32(&[2, 3]), ints(&[2])]).is_err());
        assert!(run("Tile", attrs([]), &[f32(&[2, 3]), ints(&[2, -1])]).is_err());
    }
}
