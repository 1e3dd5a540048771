//! Biases by relative position that an attention adds to its scores: (batch or 1, heads, queries, keys).

use super::{attention::count, axes::product};
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Value, Work};

pub(super) struct PositionBias;

fn length(call: &Call<'_>, i: usize) -> Result<u64, OpError> {
    let value = call.input(i)?.value.as_ref().and_then(Value::ints).ok_or(OpError::Unknown)?;
    let positive = value.first().and_then(|&n| u64::try_from(n).ok());
    positive.ok_or_else(|| OpError::Invalid(format!("length {value:?} is not positive")))
}

fn gated(node: &Node) -> bool {
    node.op.name() == "GatedRelativePositionBias"
}

/// Batch, heads, length.
fn extents(call: &Call<'_>) -> Result<[u64; 3], OpError> {
    let heads = count(call, "num_heads")?;
    let padded = if call.optional(6).is_some() { 6 } else { 0 };
    match *call.shape(padded)? {
        [batch, length, ..] => Ok([batch, heads, length]),
        ref shape => Err(format!("operand {padded} of shape {shape:?} is not (batch, length, …)").into()),
    }
}

impl Operator for PositionBias {
    fn names(&self) -> &'static [&'static str] {
        &["GatedRelativePositionBias", "RelativePositionBias"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        if gated(call.node) {
            let [batch, heads, length] = extents(call)?;
            return Ok(vec![Fact::new(call.dtype(0)?, [batch, heads, length, length])]);
        }
        let &[_, heads] = call.shape(0)? else {
            return Err(format!("table {:?} is not (buckets, heads)", call.shape(0)?).into());
        };
        Ok(vec![Fact::new(call.dtype(0)?, [1, heads, length(call, 1)?, length(call, 2)?])])
    }

    /// A table is looked up; gates are a product with a small weight.
    fn class(&self, node: &Node) -> Class {
        if gated(node) { Class::Matrix } else { Class::Movement }
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Data, Index, Shape, Weight};
        let roles: &[Role] = match gated(node) {
            true => &[Data, Bias, Data, Weight, Bias, Weight, Index],
            false => &[Weight, Shape, Shape],
        };
        roles.get(i).copied()
    }

    /// The gates, and 3 operations per score.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        if !gated(call.node) {
            return Ok(Work::MOVE);
        }
        let gates = product(extents(call)?.into_iter().chain(call.shape(3)?.iter().copied()))?;
        let mut work = Work::macs(Some(gates))?;
        work.flops = work.flops.saturating_add(product([3, call.output_elements(0)?])?);
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, int, run, shape};
    use crate::{Attr, attrs};

    #[test]
    fn tables_and_gates() {
        let table = [f32(&[32, 8]), int(5), int(7)];
        assert_eq!(shape("RelativePositionBias", attrs([]), &table).unwrap(), [1, 8, 5, 7]);
        let heads = attrs([("num_heads", Attr::Int(4))]);
        let inputs = [f32(&[2, 10, 32]), f32(&[32]), f32(&[1, 4, 10, 10]), f32(&[8, 6]), f32(&[6]), f32(&[1, 4, 1, 1])];
        let (facts, work) = run("GatedRelativePositionBias", heads, &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[2, 4, 10, 10]), 2 * 4 * 10 * 48));
    }
}
