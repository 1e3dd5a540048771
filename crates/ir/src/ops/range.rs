//! Range(start, limit, delta): ⌈(limit − start) / delta⌉ numbers, none if that is negative.

use crate::{Call, Fact, Fusion, Node, OpError, Operator, Role, Value};

pub(super) struct Range;

impl Operator for Range {
    fn names(&self) -> &'static [&'static str] {
        &["Range"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let operand = |i| call.input(i)?.value.as_ref().ok_or(OpError::Unknown);
        // ONNX Runtime's own form may leave the step out.
        let (one, step) = (Value::Ints(vec![1]), call.optional(2).map(|_| operand(2)).transpose()?);
        let (start, limit, delta) = (operand(0)?, operand(1)?, step.unwrap_or(&one));
        let refuse = || OpError::Invalid(format!("no range from {start:?} to {limit:?} by {delta:?}"));
        let (count, value) = match (start, limit, delta) {
            (Value::Ints(start), Value::Ints(limit), Value::Ints(delta)) => integers(start, limit, delta),
            _ => floats(&start.to_floats(), &limit.to_floats(), &delta.to_floats()),
        }
        .ok_or_else(refuse)?;
        Ok(vec![Fact::new(call.dtype(0)?, [count]).with_value(value)])
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Shape, Role::Shape, Role::Shape].get(i).copied()
    }
}

fn integers(start: &[i64], limit: &[i64], delta: &[i64]) -> Option<(u64, Option<Value>)> {
    let (&[start], &[limit], &[delta]) = (start, limit, delta) else { return None };
    let span = i128::from(limit) - i128::from(start);
    let step = i128::from(delta);
    let count = u64::try_from((span + step - step.signum()).checked_div(step)?.max(0)).ok()?;
    let known = count <= Value::MAX_ELEMENTS as u64;
    let value = known.then(|| Value::Ints((0..count as i64).map(|i| start + i * delta).collect()));
    Some((count, value))
}

fn floats(start: &[f64], limit: &[f64], delta: &[f64]) -> Option<(u64, Option<Value>)> {
    let (&[start], &[limit], &[delta]) = (start, limit, delta) else { return None };
    let count = ((limit - start) / delta).ceil().max(0.0);
    // Beyond 2^53 neighbouring numbers are no longer one apart.
    if delta == 0.0 || !start.is_finite() || !limit.is_finite() || !delta.is_finite() || count > 9e15 {
        return None;
    }
    let known = count <= Value::MAX_ELEMENTS as f64;
    let value = known.then(|| Value::Floats((0..count as u64).map(|i| start + i as f64 * delta).collect()));
    Some((count as u64, value))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, int, run, shape};
    use crate::{DType, Fact, OpError, Value, attrs};

    fn range(start: i64, limit: i64, delta: i64) -> Option<Value> {
        run("Range", attrs([]), &[int(start), int(limit), int(delta)]).ok()?.0[0].value.clone()
    }

    #[test]
    fn integers_up_down_and_none() {
        assert_eq!(range(0, 5, 2), Some(Value::Ints(vec![0, 2, 4])));
        assert_eq!(range(5, 0, -2), Some(Value::Ints(vec![5, 3, 1])));
        assert_eq!(range(5, 0, 1), Some(Value::Ints(vec![])));
        assert_eq!(range(0, 5, 0), None);
        assert_eq!(range(i64::MAX - 1, i64::MAX, 5), Some(Value::Ints(vec![i64::MAX - 1])));
        assert_eq!(shape("Range", attrs([]), &[int(0), int(1 << 40), int(1)]).unwrap(), [1 << 40]);
    }

    #[test]
    fn floats_round_up() {
        let float = |x: f64| Fact::new(DType::F32, []).with_value(Some(Value::Floats(vec![x])));
        let inputs = [float(0.0), float(1.0), float(0.3)];
        assert_eq!(shape("Range", attrs([]), &inputs).unwrap(), [4]);
        assert!(shape("Range", attrs([]), &[float(0.0), float(1.0), float(f64::NAN)]).is_err());
        assert_eq!(run("Range", attrs([]), &[f32(&[]), f32(&[]), f32(&[])]), Err(OpError::Unknown));
    }
}
