//! If: one of two bodies, `then_branch` and `else_branch`, by a condition.
//!
//! Where the condition is known, results and cost are those of the branch taken. Where only one branch fits the operands,
//! it is the one that can be meant (a network for two sampling rates has a branch for each). Else a result has the shape
//! on which both branches agree, and the cost is that of the branch with more operations (then more bytes).

use crate::{BoundGraph, Call, Class, Cost, Fact, Fusion, Node, OpError, Operator, Role, Work, body};

pub(super) struct If;

/// The branch that the condition takes, or those that fit the operands.
fn branches(call: &Call<'_>) -> Result<Vec<BoundGraph>, OpError> {
    let given = body::operands(call, 1);
    let bind = |name| body::bind(call, name, &given);
    match call.ints(0) {
        Ok([0]) => Ok(vec![bind("else_branch")?]),
        Ok([_]) => Ok(vec![bind("then_branch")?]),
        _ => match (bind("then_branch"), bind("else_branch")) {
            (Ok(one), Ok(other)) => Ok(vec![one, other]),
            (Ok(fits), Err(_)) | (Err(_), Ok(fits)) => Ok(vec![fits]),
            (Err(error), Err(_)) => Err(error),
        },
    }
}

impl Operator for If {
    fn names(&self) -> &'static [&'static str] {
        &["If"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let mut results = branches(call)?.into_iter().map(|branch| body::results(&branch));
        let first = results.next().unwrap_or_default();
        Ok(results.fold(first, |a, b| a.into_iter().zip(b).map(|(a, b)| a.common(&b)).collect()))
    }

    fn class(&self, node: &Node) -> Class {
        body::class(node)
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        Some(if i == 0 { Role::Mask } else { Role::Data })
    }

    fn work(&self, _: &Call<'_>) -> Result<Work, OpError> {
        Ok(Work::MOVE)
    }

    fn nested(&self, call: &Call<'_>) -> Result<Option<Cost>, OpError> {
        let costs = branches(call)?.iter().map(body::cost).collect::<Result<Vec<_>, _>>()?;
        Ok(costs.into_iter().max_by_key(|c| (c.flops, c.bytes())))
    }
}
