//! Concatenation along one axis.

use super::{
    axes,
    values::{offset, positions},
};
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Saved, Value};

pub(super) struct Concat;

impl Operator for Concat {
    fn names(&self) -> &'static [&'static str] {
        &["Concat"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let shapes = (0..call.inputs.len()).map(|i| call.shape(i)).collect::<Result<Vec<_>, _>>()?;
        let &[first, ..] = shapes.as_slice() else { return Err("has no operands".to_owned().into()) };
        let axis = axes::axis(call.int("axis", 1), first)?;
        let fits = |s: &&[u64]| s.len() == first.len() && (0..first.len()).all(|a| a == axis || s[a] == first[a]);
        if !shapes.iter().all(fits) {
            return Err(format!("shapes {shapes:?} do not concatenate along axis {axis}").into());
        }
        let mut shape = first.to_vec();
        shape[axis] = (shapes.iter().try_fold(0u64, |n, s| n.checked_add(s[axis])))
            .ok_or_else(|| OpError::Invalid(format!("shapes {shapes:?} exceed 64 bits")))?;
        let value = value(call, &shapes, &shape, axis);
        Ok(vec![Fact::new(call.dtype(0)?, shape).with_value(value)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn saves(&self, _: &Node) -> Saved {
        Saved::Nothing
    }

    fn operand(&self, _: &Node, _: usize) -> Option<Role> {
        Some(Role::Data)
    }
}

fn value(call: &Call<'_>, shapes: &[&[u64]], shape: &[u64], axis: usize) -> Option<Value> {
    let values: Vec<&Value> = call.inputs.iter().map(|f| f.as_ref()?.value.as_ref()).collect::<Option<_>>()?;
    // Where each element of the result lies: in which operand, at which offset.
    let source = |mut at: Vec<u64>| {
        let mut operand = 0;
        while at[axis] >= shapes.get(operand)?[axis] {
            at[axis] -= shapes[operand][axis];
            operand += 1;
        }
        Some((operand, offset(shapes[operand], &at)?))
    };
    let sources = positions(shape)?.map(source);
    if values.iter().all(|v| matches!(v, Value::Ints(_))) {
        let pick = |s: Option<(usize, usize)>| s.and_then(|(i, at)| values[i].ints()?.get(at).copied());
        return Some(Value::Ints(sources.map(pick).collect::<Option<_>>()?));
    }
    let floats: Vec<Vec<f64>> = values.iter().map(|v| v.to_floats()).collect();
    let pick = |s: Option<(usize, usize)>| s.and_then(|(i, at)| floats[i].get(at).copied());
    Some(Value::Floats(sources.map(pick).collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, floats, ints, run, shape, value};
    use crate::{Attr, DType, Fact, Value, attrs};

    fn axis(axis: i64) -> crate::Attrs {
        attrs([("axis", Attr::Int(axis))])
    }

    #[test]
    fn shapes() {
        let inputs = [f32(&[1, 64, 8, 8]), f32(&[1, 32, 8, 8]), f32(&[1, 0, 8, 8])];
        assert_eq!(shape("Concat", axis(-3), &inputs).unwrap(), [1, 96, 8, 8]);
        assert!(run("Concat", axis(2), &inputs).is_err());
        assert!(run("Concat", axis(4), &inputs).is_err());
        assert!(run("Concat", axis(0), &[f32(&[]), f32(&[])]).is_err());
        assert!(run("Concat", axis(0), &[f32(&[u64::MAX]), f32(&[1])]).is_err());
    }

    #[test]
    fn values_along_either_axis() {
        let matrix =
            |v: &[i64]| Fact::new(DType::I64, [2, v.len() as u64 / 2]).with_value(Some(Value::Ints(v.to_vec())));
        let inputs = [matrix(&[1, 2, 3, 4]), matrix(&[5, 6])];
        assert_eq!(value("Concat", axis(1), &inputs), Value::Ints(vec![1, 2, 5, 3, 4, 6]));
        assert_eq!(value("Concat", axis(0), &[ints(&[1]), ints(&[]), ints(&[2])]), Value::Ints(vec![1, 2]));
        assert_eq!(value("Concat", axis(0), &[floats(&[1.5]), floats(&[2.0])]), Value::Floats(vec![1.5, 2.0]));
    }
}
