//! Operators that are another one with its operands at other places, or its axes in another order.

use std::borrow::Cow;

use crate::{Call, Fact, Node, OpError, OpType, Operator, Work};

/// The operator that another one stands for, and the call of it.
pub(super) struct Delegate<'a> {
    pub node: Node,
    pub op: &'static dyn Operator,
    pub inputs: Vec<Option<Cow<'a, Fact>>>,
}

/// The node as one of the standard operator `name`, whose operands lie at `places`.
pub(super) fn node(node: &Node, name: &str, places: &[usize]) -> Option<(Node, &'static dyn Operator)> {
    let OpType::Known(known, op) = OpType::new(name) else { return None };
    let inputs = places.iter().map(|&i| node.inputs.get(i).copied().flatten()).collect();
    Some((Node { op: OpType::Known(known, op), inputs, ..node.clone() }, op))
}

impl<'a> Delegate<'a> {
    /// The call as one of the standard operator `name`, whose operands lie at `places`.
    pub fn new(call: &Call<'a>, name: &str, places: &[usize]) -> Result<Self, OpError> {
        let (node, op) = node(call.node, name, places).ok_or(OpError::Unknown)?;
        let inputs = places.iter().map(|&i| call.optional(i).map(Cow::Borrowed)).collect();
        Ok(Self { node, op, inputs })
    }

    pub fn infer(&self) -> Result<Vec<Fact>, OpError> {
        self.call(&[], |call| self.op.infer(call))
    }

    pub fn work(&self, outputs: &[Fact]) -> Result<Work, OpError> {
        self.call(outputs, |call| self.op.work(call))
    }

    fn call<T>(&self, outputs: &[Fact], then: impl FnOnce(&Call<'_>) -> T) -> T {
        let inputs: Vec<Option<&Fact>> = self.inputs.iter().map(Option::as_deref).collect();
        then(&Call { node: &self.node, inputs: &inputs, outputs })
    }
}

/// The same with the last axis, of channels, in second place.
pub(super) fn channels_first(fact: &Fact) -> Fact {
    moved(fact, |shape| shape.get_mut(1..).map(|axes| axes.rotate_right(1)))
}

/// The same with the second axis, of channels, in last place.
pub(super) fn channels_last(fact: &Fact) -> Fact {
    moved(fact, |shape| shape.get_mut(1..).map(|axes| axes.rotate_left(1)))
}

fn moved(fact: &Fact, rotate: impl Fn(&mut [u64]) -> Option<()>) -> Fact {
    let mut fact = Fact { value: None, ..fact.clone() };
    fact.shape.as_deref_mut().filter(|shape| shape.len() > 2).and_then(rotate);
    fact
}
