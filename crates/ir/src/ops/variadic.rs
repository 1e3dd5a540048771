//! Element-wise sum, mean, maximum and minimum of one or more tensors, with NumPy's broadcasting.

use super::{
    axes::product,
    values::{broadcast, broadcast_value},
};
use crate::{Call, Fact, Fusion, Node, OpError, Operator, Role, Saved, Value, Work};

pub(super) struct Variadic;

impl Operator for Variadic {
    fn names(&self) -> &'static [&'static str] {
        &["Max", "Mean", "Min", "Sum"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let shapes = (0..call.inputs.len()).map(|i| call.shape(i)).collect::<Result<Vec<_>, _>>()?;
        let shape = broadcast(shapes.iter().copied())?;
        let facts = call.inputs.iter().flatten();
        let values: Option<Vec<Value>> = facts.map(|f| broadcast_value(f, &shape)).collect();
        let value = values.and_then(|values| reduce(call.node.op.name(), &values));
        Ok(vec![Fact::new(call.dtype(0)?, shape).with_value(value)])
    }

    fn saves(&self, node: &Node) -> Saved {
        if node.op.name() == "Sum" { Saved::Nothing } else { Saved::Operands }
    }

    /// `Sum` could follow as `Add` does, but the bundled checkpoints have learned it as a kernel of its own.
    fn fuses(&self, node: &Node) -> Fusion {
        if node.op.name() == "Sum" { Fusion::Alone } else { Fusion::Follower }
    }

    fn operand(&self, _: &Node, _: usize) -> Option<Role> {
        Some(Role::Term)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let divides = u64::from(call.node.op.name() == "Mean");
        let per_output = (call.inputs.len() as u64).saturating_sub(1) + divides;
        Ok(Work::flops(product([per_output, call.output_elements(0)?])?))
    }
}

fn reduce(op: &str, values: &[Value]) -> Option<Value> {
    let (first, rest) = values.split_first()?;
    if let Value::Ints(first) = first {
        let f: fn(i64, i64) -> Option<i64> = match op {
            "Max" => |a, b| Some(a.max(b)),
            "Min" => |a, b| Some(a.min(b)),
            "Sum" => i64::checked_add,
            _ => return None,
        };
        let mut out = first.clone();
        for other in rest {
            out = out.into_iter().zip(other.ints()?).map(|(a, &b)| f(a, b)).collect::<Option<_>>()?;
        }
        return Some(Value::Ints(out));
    }
    let f: fn(f64, f64) -> f64 = match op {
        "Max" => f64::max,
        "Min" => f64::min,
        _ => |a, b| a + b,
    };
    let combine = |a: Vec<f64>, b: &Value| a.iter().zip(b.to_floats()).map(|(&a, b)| f(a, b)).collect();
    let mut out: Vec<f64> = rest.iter().fold(first.to_floats(), combine);
    if op == "Mean" {
        out.iter_mut().for_each(|x| *x /= values.len() as f64);
    }
    Some(Value::Floats(out))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, floats, int, ints, run, value};
    use crate::{Value, attrs};

    #[test]
    fn three_terms_are_two_additions() {
        let (facts, work) = run("Sum", attrs([]), &[f32(&[2, 1]), f32(&[3]), f32(&[])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[2, 3]), 12));
    }

    #[test]
    fn values_and_refusals() {
        assert_eq!(value("Max", attrs([]), &[ints(&[1, 9]), int(4)]), Value::Ints(vec![4, 9]));
        assert_eq!(value("Mean", attrs([]), &[floats(&[1.0]), floats(&[2.0])]), Value::Floats(vec![1.5]));
        assert!(run("Min", attrs([]), &[f32(&[2]), f32(&[3])]).is_err());
        assert!(run("Min", attrs([]), &[]).is_err());
    }
}
