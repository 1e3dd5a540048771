//! Slice with NumPy's clamping; starts, ends, axes and steps are operands since operator set 10.

use super::{
    axes,
    values::{offset, pick},
};
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Saved};

pub(super) struct Slice;

/// First index, step and number of indices along one axis.
struct Range {
    start: i128,
    step: i128,
    count: u64,
}

impl Range {
    fn new(extent: u64, start: i64, end: i64, step: i64) -> Option<Self> {
        let (extent, step) = (i128::from(extent), i128::from(step));
        let from_start = |i: i64| if i < 0 { i128::from(i) + extent } else { i.into() };
        let (low, high) = if step > 0 { (0, extent) } else { (-1, extent - 1) };
        let start = from_start(start).clamp(0, high.max(0));
        let end = from_start(end).clamp(low, high);
        let span = if step > 0 { end - start + step - 1 } else { start - end - step - 1 };
        let count = span.checked_div(step.abs())?.max(0);
        Some(Self { start, step, count: count.min(extent) as u64 })
    }
}

impl Operator for Slice {
    fn names(&self) -> &'static [&'static str] {
        &["Slice"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let ranges = ranges(call, x)?;
        let shape: Vec<u64> = ranges.iter().map(|r| r.count).collect();
        let value = pick(call.input(0)?.value.as_ref(), &shape, |at| {
            let place = |(r, &i): (&Range, &u64)| u64::try_from(r.start + r.step * i128::from(i)).ok();
            offset(x, &ranges.iter().zip(at).map(place).collect::<Option<Vec<_>>>()?)
        });
        Ok(vec![Fact::new(call.dtype(0)?, shape).with_value(value)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn saves(&self, _: &Node) -> Saved {
        Saved::Nothing
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        (i < 5).then_some(if i == 0 { Role::Data } else { Role::Shape })
    }
}

fn ranges(call: &Call<'_>, x: &[u64]) -> Result<Vec<Range>, OpError> {
    let required = |name: &'static str, i| {
        call.list_or_input(name, i)?.ok_or_else(|| OpError::Invalid(format!("operand `{name}` is missing")))
    };
    let (starts, ends) = (required("starts", 1)?, required("ends", 2)?);
    let sliced = match call.list_or_input("axes", 3)? {
        Some(list) => axes::axes(list, x)?,
        None => (0..starts.len()).collect(),
    };
    let ones = vec![1; starts.len()];
    let steps = if call.optional(4).is_some() { call.ints(4)? } else { &ones };
    let refuse = || OpError::Invalid(format!("starts {starts:?}, ends {ends:?}, steps {steps:?} do not fit {x:?}"));
    if ends.len() != starts.len() || sliced.len() != starts.len() || steps.len() != starts.len() {
        return Err(refuse());
    }
    let mut ranges: Vec<Range> = x.iter().map(|&count| Range { start: 0, step: 1, count }).collect();
    for (i, &axis) in sliced.iter().enumerate() {
        let range = ranges.get_mut(axis).ok_or_else(refuse)?;
        *range = Range::new(x[axis], starts[i], ends[i], steps[i]).ok_or_else(refuse)?;
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run, shape, value};
    use crate::{Value, attrs};

    fn slice(start: i64, end: i64, step: i64) -> Vec<i64> {
        let inputs = [ints(&[10, 11, 12, 13, 14]), ints(&[start]), ints(&[end]), ints(&[0]), ints(&[step])];
        let Value::Ints(v) = value("Slice", attrs([]), &inputs) else { panic!() };
        v
    }

    #[test]
    fn follows_numpy() {
        assert_eq!(slice(1, 4, 2), [11, 13]);
        assert_eq!(slice(-2, i64::MAX, 1), [13, 14]);
        assert_eq!(slice(-1, i64::MIN, -1), [14, 13, 12, 11, 10]);
        assert_eq!(slice(3, 0, -2), [13, 11]);
        assert!(slice(3, 1, 1).is_empty());
        assert!(slice(9, 99, 1).is_empty());
        assert_eq!(slice(i64::MIN, 2, 1), [10, 11]);
        assert_eq!(slice(99, -99, -3), [14, 11]);
        assert_eq!(slice(0, 5, i64::MAX), [10]);
        assert_eq!(slice(4, -6, i64::MIN), [14]);
    }

    #[test]
    fn attributes_and_empty_extents() {
        let old = attrs([("starts", vec![1].into()), ("ends", vec![-1].into()), ("axes", vec![-1].into())]);
        assert_eq!(shape("Slice", old, &[f32(&[3, 8])]).unwrap(), [3, 6]);
        let inputs = [f32(&[0]), ints(&[0]), ints(&[9]), ints(&[0]), ints(&[-1])];
        assert_eq!(shape("Slice", attrs([]), &inputs).unwrap(), [0]);
    }

    #[test]
    fn refuses_zero_steps_and_unequal_lists() {
        let x = f32(&[3, 8]);
        let inputs = [x.clone(), ints(&[0]), ints(&[1]), ints(&[0]), ints(&[0])];
        assert!(run("Slice", attrs([]), &inputs).is_err());
        assert!(run("Slice", attrs([]), &[x.clone(), ints(&[0, 0, 0]), ints(&[1, 1, 1])]).is_err());
        assert!(run("Slice", attrs([]), &[x, ints(&[0]), ints(&[1, 1])]).is_err());
    }
}
