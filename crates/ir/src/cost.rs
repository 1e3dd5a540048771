//! Costs: arithmetic, memory traffic and parameters, per node and per graph.

use std::{collections::HashSet, iter::Sum, ops::Add};

use serde::{Deserialize, Serialize};

use crate::{BoundGraph, Call, Error, Node, NodeId, OpError, OpType, Phase, Result, TensorId, Work, elements};

/// Cost of a node or of a graph. See `docs/costs.md` for the conventions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Operations; a multiply–accumulate counts as two.
    pub flops: u64,
    /// Multiply–accumulates of matrix products and convolutions.
    pub macs: u64,
    /// Bytes of operands, weights included. Views read nothing.
    pub read: u64,
    /// Bytes of results. Views write nothing.
    pub written: u64,
    /// Elements of weights; in the cost of a graph each weight counts once, as it is stored.
    pub parameters: u64,
}

impl Cost {
    /// Bytes read and written.
    pub fn bytes(&self) -> u64 {
        self.read.saturating_add(self.written)
    }

    /// The same `n` times with the same weights; overflow is an error.
    pub(crate) fn times(self, n: u64) -> Result<Self, OpError> {
        let times = |x: u64| x.checked_mul(n).ok_or_else(|| OpError::Invalid("cost exceeds 64 bits".into()));
        let (flops, macs) = (times(self.flops)?, times(self.macs)?);
        Ok(Self { flops, macs, read: times(self.read)?, written: times(self.written)?, parameters: self.parameters })
    }

    /// Operations per byte; 0 where nothing moves.
    pub fn intensity(&self) -> f64 {
        if self.bytes() == 0 { 0.0 } else { self.flops as f64 / self.bytes() as f64 }
    }
}

impl Add for Cost {
    type Output = Self;

    /// Saturating sum.
    fn add(self, other: Self) -> Self {
        Self {
            flops: self.flops.saturating_add(other.flops),
            macs: self.macs.saturating_add(other.macs),
            read: self.read.saturating_add(other.read),
            written: self.written.saturating_add(other.written),
            parameters: self.parameters.saturating_add(other.parameters),
        }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), Add::add)
    }
}

impl BoundGraph {
    /// Cost of one node. Operators nobody knows cost their memory traffic and no arithmetic;
    /// tensors of unknown shape count as empty.
    ///
    /// # Errors
    /// An operation count that exceeds 64 bits.
    pub fn node_cost(&self, id: NodeId) -> Result<Cost> {
        let node = self.graph().node(id);
        if let Some(nested) = self.nested(node)? {
            let own = self.parameters_of(node).filter_map(|t| elements(self.shape(t)?));
            return Ok(Cost { parameters: own.fold(nested.parameters, u64::saturating_add), ..nested });
        }
        let work = self.work(node)?;
        let bytes = |t: &TensorId| self.fact(*t).bytes().unwrap_or(0);
        let parameters = self.parameters_of(node).filter_map(|t| elements(self.shape(t)?));
        let parameters = parameters.fold(0, u64::saturating_add);
        let mut cost = Cost { flops: work.flops, macs: work.macs, parameters, ..Cost::default() };
        if !work.view {
            cost.read = node.inputs.iter().flatten().map(bytes).fold(0, u64::saturating_add);
            cost.written = node.outputs.iter().flatten().map(bytes).fold(0, u64::saturating_add);
        }
        Ok(cost)
    }

    /// Cost of every live node together; `parameters` are those of [`BoundGraph::stored_weights`].
    ///
    /// # Errors
    /// As [`BoundGraph::node_cost`].
    pub fn cost(&self) -> Result<Cost> {
        let mut total: Cost = self.live().iter().map(|&id| self.node_cost(id)).sum::<Result<_>>()?;
        let nested = self.live().iter().map(|&id| Ok(self.nested(self.graph().node(id))?.map_or(0, |c| c.parameters)));
        let nested = nested.collect::<Result<Vec<u64>>>()?.into_iter().fold(0, u64::saturating_add);
        let stored = self.stored_weights().into_iter().filter_map(|t| elements(self.shape(t)?));
        total.parameters = stored.fold(nested, u64::saturating_add);
        Ok(total)
    }

    /// Weights of live nodes, each once, in order of first use.
    pub fn weights(&self) -> Vec<TensorId> {
        let mut seen = HashSet::new();
        let nodes = self.live().iter().map(|&id| self.graph().node(id));
        nodes.flat_map(|n| self.parameters_of(n)).filter(|t| seen.insert(*t)).collect()
    }

    /// Cost of the graphs inside a control-flow operator.
    fn nested(&self, node: &Node) -> Result<Option<Cost>> {
        let OpType::Known(_, op) = &node.op else { return Ok(None) };
        if node.phase != Phase::Forward || !node.attrs.values().any(|a| matches!(a, crate::Attr::Graph(_))) {
            return Ok(None);
        }
        let (inputs, outputs) = (self.input_facts(node), self.output_facts(node));
        match op.nested(&Call { node, inputs: &inputs, outputs: &outputs }) {
            Ok(cost) => Ok(cost),
            Err(OpError::Unknown) => Ok(None),
            Err(OpError::Invalid(message)) => {
                Err(Error::Operator { node: node.name.clone(), op: node.op.to_string(), message })
            }
        }
    }

    fn parameters_of<'a>(&'a self, node: &'a Node) -> impl Iterator<Item = TensorId> + 'a {
        node.inputs.iter().flatten().copied().filter(|&t| self.is_parameter(t))
    }

    /// True for a node that moves nothing: its result is its first operand by another shape or name.
    pub fn is_view(&self, id: NodeId) -> bool {
        self.work(self.graph().node(id)).is_ok_and(|work| work.view)
    }

    pub(crate) fn work(&self, node: &Node) -> Result<Work> {
        if node.phase != Phase::Forward {
            return Ok(crate::training::work(node));
        }
        let OpType::Known(_, op) = &node.op else { return Ok(Work::MOVE) };
        let (inputs, outputs) = (self.input_facts(node), self.output_facts(node));
        match op.work(&Call { node, inputs: &inputs, outputs: &outputs }) {
            Ok(work) => Ok(work),
            Err(OpError::Unknown) => Ok(Work::MOVE),
            Err(OpError::Invalid(message)) => {
                Err(Error::Operator { node: node.name.clone(), op: node.op.to_string(), message })
            }
        }
    }
}
