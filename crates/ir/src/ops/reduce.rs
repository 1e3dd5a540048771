//! Reductions over axes, an operand in newer operator sets (13 for ReduceSum, 18 for the others).

use super::{
    axes::{self, product},
    values::{offset, positions},
};
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Saved, Shape, Value, Work};

pub(super) struct Reduce;

impl Operator for Reduce {
    fn names(&self) -> &'static [&'static str] {
        &[
            "ReduceL1",
            "ReduceL2",
            "ReduceLogSum",
            "ReduceLogSumExp",
            "ReduceMax",
            "ReduceMean",
            "ReduceMin",
            "ReduceProd",
            "ReduceSum",
            "ReduceSumSquare",
        ]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let reduced = reduced(call, x)?;
        let kept: Shape = x.iter().zip(&reduced).map(|(&n, &gone)| if gone { 1 } else { n }).collect();
        let value = value(call, x, &kept, &reduced);
        let shape = if call.int("keepdims", 1) != 0 {
            kept
        } else {
            x.iter().zip(&reduced).filter(|(_, gone)| !**gone).map(|(&n, _)| n).collect()
        };
        Ok(vec![Fact::new(call.dtype(0)?, shape).with_value(value)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Reduction
    }

    /// Means and sums, which exporters make of poolings, start kernels as poolings do.
    fn fuses(&self, node: &Node) -> Fusion {
        if matches!(node.op.name(), "ReduceMean" | "ReduceSum") { Fusion::Anchor } else { Fusion::Alone }
    }

    fn saves(&self, node: &Node) -> Saved {
        if matches!(node.op.name(), "ReduceMean" | "ReduceSum") { Saved::Nothing } else { Saved::Operands }
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Shape].get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        product(call.shape(0)?.iter().copied()).map(Work::flops)
    }
}

/// Which axes go: by default all, unless `noop_with_empty_axes`.
fn reduced(call: &Call<'_>, x: &[u64]) -> Result<Vec<bool>, OpError> {
    let list = call.list_or_input("axes", 1)?.unwrap_or_default();
    if list.is_empty() {
        return Ok(vec![call.int("noop_with_empty_axes", 0) == 0; x.len()]);
    }
    let mut reduced = vec![false; x.len()];
    axes::axes(list, x)?.into_iter().for_each(|a| reduced[a] = true);
    Ok(reduced)
}

fn value(call: &Call<'_>, x: &[u64], kept: &[u64], reduced: &[bool]) -> Option<Value> {
    let value = call.optional(0)?.value.as_ref()?;
    let mut groups = vec![Vec::new(); super::values::small(kept)?];
    for (i, mut at) in positions(x)?.enumerate() {
        at.iter_mut().zip(reduced).filter(|(_, gone)| **gone).for_each(|(n, _)| *n = 0);
        groups.get_mut(offset(kept, &at)?)?.push(i);
    }
    match value {
        Value::Ints(v) => {
            let f = |group: Vec<usize>| {
                let mut group = group.into_iter().map(|i| v.get(i).copied()).collect::<Option<Vec<_>>>()?.into_iter();
                match call.node.op.name() {
                    "ReduceMax" => group.max(),
                    "ReduceMin" => group.min(),
                    "ReduceProd" => group.try_fold(1i64, i64::checked_mul),
                    "ReduceSum" => group.try_fold(0i64, i64::checked_add),
                    _ => None,
                }
            };
            Some(Value::Ints(groups.into_iter().map(f).collect::<Option<_>>()?))
        }
        Value::Floats(v) => {
            let f = |group: Vec<usize>| {
                let group = group.into_iter().map(|i| v.get(i).copied()).collect::<Option<Vec<_>>>()?;
                let (count, group) = (group.len() as f64, group.into_iter());
                match call.node.op.name() {
                    "ReduceMax" => group.reduce(f64::max),
                    "ReduceMin" => group.reduce(f64::min),
                    "ReduceProd" => Some(group.product()),
                    "ReduceSum" => Some(group.sum()),
                    "ReduceMean" => Some(group.sum::<f64>() / count),
                    _ => None,
                }
            };
            Some(Value::Floats(groups.into_iter().map(f).collect::<Option<_>>()?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run, shape, value};
    use crate::{Attr, DType, Fact, Value, attrs};

    #[test]
    fn axes_are_attribute_or_operand() {
        let old = attrs([("axes", vec![2, -1].into()), ("keepdims", Attr::Int(0))]);
        let (facts, work) = run("ReduceMean", old, &[f32(&[2, 8, 7, 7])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[2, 8]), 784));
        assert_eq!(shape("ReduceMean", attrs([]), &[f32(&[2, 8, 7]), ints(&[-1])]).unwrap(), [2, 8, 1]);
    }

    #[test]
    fn no_axes_mean_all_or_none() {
        assert_eq!(shape("ReduceSum", attrs([]), &[f32(&[2, 3])]).unwrap(), [1, 1]);
        let noop = attrs([("noop_with_empty_axes", Attr::Int(1))]);
        assert_eq!(shape("ReduceSum", noop, &[f32(&[2, 3]), ints(&[])]).unwrap(), [2, 3]);
    }

    #[test]
    fn values() {
        let x = Fact::new(DType::I64, [2, 2]).with_value(Some(Value::Ints(vec![1, 2, 3, 4])));
        let rows = attrs([("axes", vec![1].into())]);
        assert_eq!(value("ReduceProd", rows.clone(), std::slice::from_ref(&x)), Value::Ints(vec![2, 12]));
        assert_eq!(value("ReduceMax", attrs([]), &[x]), Value::Ints(vec![4]));
    }

    #[test]
    fn refuses_axes_out_of_range_or_twice() {
        assert!(run("ReduceMax", attrs([("axes", vec![2].into())]), &[f32(&[2, 3])]).is_err());
        assert!(run("ReduceMax", attrs([("axes", vec![1, -1].into())]), &[f32(&[2, 3])]).is_err());
    }
}
