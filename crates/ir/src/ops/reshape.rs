//! Reshape: 0 keeps an extent (unless `allowzero`), one −1 takes what is left.

use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Saved, Shape, Work, elements};

pub(super) struct Reshape;

impl Operator for Reshape {
    fn names(&self) -> &'static [&'static str] {
        &["Reshape"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let target = call.list_or_input("shape", 1)?.ok_or_else(|| OpError::Invalid("has no shape".into()))?;
        let shape = resolve(x, target, call.int("allowzero", 0) != 0)
            .ok_or_else(|| OpError::Invalid(format!("{x:?} cannot become {target:?}")))?;
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

fn resolve(x: &[u64], target: &[i64], allow_zero: bool) -> Option<Shape> {
    let mut shape = Vec::with_capacity(target.len());
    let mut wildcard = None;
    for (i, &n) in target.iter().enumerate() {
        match n {
            0 if !allow_zero => shape.push(*x.get(i)?),
            -1 if wildcard.is_none() => {
                wildcard = Some(i);
                shape.push(1);
            }
            n => shape.push(u64::try_from(n).ok()?),
        }
    }
    let (have, given) = (elements(x)?, elements(&shape)?);
    if let Some(i) = wildcard {
        shape[i] = have.checked_div(given).filter(|n| n.checked_mul(given) == Some(have))?;
    } else if have != given {
        return None;
    }
    Some(shape)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run, shape, value};
    use crate::{Attr, OpError, Value, Work, attrs};

    fn reshape(x: &[u64], to: &[i64]) -> Option<Vec<u64>> {
        shape("Reshape", attrs([]), &[f32(x), ints(to)]).ok()
    }

    #[test]
    fn zeros_keep_and_one_wildcard_fills() {
        assert_eq!(reshape(&[2, 3, 4], &[0, -1]), Some(vec![2, 12]));
        assert_eq!(reshape(&[2, 3, 4], &[-1]), Some(vec![24]));
        assert_eq!(reshape(&[1], &[]), Some(vec![]));
        assert_eq!(reshape(&[0, 4], &[0, 2, 2]), Some(vec![0, 2, 2]));
        let zero = attrs([("allowzero", Attr::Int(1))]);
        assert_eq!(shape("Reshape", zero, &[f32(&[2, 0]), ints(&[0, 7])]).unwrap(), [0, 7]);
    }

    #[test]
    fn refuses_other_counts() {
        for target in [&[5, -1][..], &[-1, -1], &[-2, 12], &[23], &[0, 0, 0, 0], &[i64::MAX, 4]] {
            assert_eq!(reshape(&[2, 3, 4], target), None, "{target:?}");
        }
        assert_eq!(reshape(&[0, 4], &[0, -1]), None);
    }

    #[test]
    fn views_keep_values_and_unknown_targets_stay_unknown() {
        assert_eq!(value("Reshape", attrs([]), &[ints(&[1, 2]), ints(&[2, 1])]), Value::Ints(vec![1, 2]));
        assert_eq!(run("Reshape", attrs([]), &[f32(&[4]), ints(&[2, 2])]).unwrap().1, Work::VIEW);
        assert_eq!(run("Reshape", attrs([]), &[f32(&[4]), f32(&[2])]), Err(OpError::Unknown));
    }
}
