//! Distances between the rows of two tables, (M, K) and (N, K) → (M, N): 3 operations per pair of numbers. The cheapest
//! way through a table, (M, N) or (1, M, N) → (2, ?): 3 operations per entry.

use super::axes::product;
use crate::{Call, DType, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Distance;

impl Operator for Distance {
    fn names(&self) -> &'static [&'static str] {
        &["CDist", "DynamicTimeWarping"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        if call.node.op.name() == "DynamicTimeWarping" {
            return Ok(vec![Fact::unknown(DType::I32)]);
        }
        match (call.shape(0)?, call.shape(1)?) {
            (&[m, k], &[n, other]) if k == other => Ok(vec![Fact::new(call.dtype(0)?, [m, n])]),
            (a, b) => Err(format!("rows of {a:?} and {b:?} have no distance").into()),
        }
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let count = if node.op.name() == "CDist" { 2 } else { 1 };
        (i < count).then_some(Role::Data)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let rows = if call.node.op.name() == "CDist" { call.shape(1)?.first().copied().unwrap_or(0) } else { 1 };
        product(call.shape(0)?.iter().copied().chain([rows, 3])).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::attrs;

    #[test]
    fn every_pair_of_rows() {
        let (facts, work) = run("CDist", attrs([]), &[f32(&[3, 8]), f32(&[5, 8])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[3, 5]), 3 * 120));
        assert!(run("CDist", attrs([]), &[f32(&[3, 8]), f32(&[5, 7])]).is_err());
    }
}
