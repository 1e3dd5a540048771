//! If: one of two bodies, `then_branch` and `else_branch`, by a condition.
//!
//! Where the condition is known, results and cost are those of the branch taken. Else a result has the shape on which
//! both branches agree, and the cost is that of the branch with more operations (then more bytes).

use crate::{Call, Class, Cost, Fact, Fusion, Node, OpError, Operator, Role, Work, body};

pub(super) struct If;

/// The branch that the condition takes, or both.
fn branches(call: &Call<'_>) -> &'static [&'static str] {
    match call.ints(0) {
        Ok([0]) => &["else_branch"],
        Ok([_]) => &["then_branch"],
        _ => &["then_branch", "else_branch"],
    }
}

impl Operator for If {
    fn names(&self) -> &'static [&'static str] {
        &["If"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let given = body::operands(call, 1);
        let results = |name: &&str| Ok(body::results(&body::bind(call, name, &given)?));
        let mut all = branches(call).iter().map(results).collect::<Result<Vec<_>, OpError>>()?.into_iter();
        let first = all.next().unwrap_or_default();
        let agree = |mut a: Vec<Fact>, b: Vec<Fact>| {
            a.truncate(b.len());
            for (a, b) in a.iter_mut().zip(b) {
                a.shape = a.shape.take().filter(|shape| Some(shape) == b.shape.as_ref());
                a.value = a.value.take().filter(|value| Some(value) == b.value.as_ref());
            }
            a
        };
        Ok(all.fold(first, agree))
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
        let given = body::operands(call, 1);
        let cost = |name: &&str| body::cost(&body::bind(call, name, &given)?);
        let costs = branches(call).iter().map(cost).collect::<Result<Vec<_>, _>>()?;
        Ok(costs.into_iter().max_by_key(|c| (c.flops, c.bytes())))
    }
}
