//! Training graphs: forward, backward and update, as DNNPerf needs them.
//!
//! A backward or update node carries its arithmetic in attributes `flops` and `macs` (and `view`), because its
//! operands are only what the forward pass saved, not what the forward operator's cost rule asks for.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{
    Assignment, Attr, Attrs, BoundGraph, Dim, Error, Graph, Node, NodeId, OpType, Parts, Phase, Result, Saved, Tensor,
    TensorId, TensorKind, Work, attrs, elements,
};

/// The rule that updates parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpdateRule {
    /// Stochastic gradient descent, no state.
    #[default]
    Sgd,
    /// With one moment per parameter.
    Momentum,
    /// With two moments per parameter.
    Adam,
}

impl UpdateRule {
    /// Operations per parameter and step.
    pub fn flops(self) -> u64 {
        match self {
            Self::Sgd => 2,
            Self::Momentum => 4,
            Self::Adam => 12,
        }
    }

    /// Tensors of state per parameter.
    pub fn moments(self) -> u64 {
        match self {
            Self::Sgd => 0,
            Self::Momentum => 1,
            Self::Adam => 2,
        }
    }
}

/// Arithmetic of a backward or update node, as the expansion recorded it.
pub(crate) fn work(node: &Node) -> Work {
    let get = |name| node.int(name).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    Work { flops: get("flops"), macs: get("macs"), view: get("view") != 0 }
}

impl BoundGraph {
    /// The graph of one training step. Live forward nodes, then in reverse order a backward twin (same operator,
    /// [`Phase::Backward`]) of each on a path from a parameter, then one update node per parameter
    /// (`tachograph::Sgd`, …, [`Phase::Update`]). Edges: saved activations to twins, gradients from twin to twin,
    /// parameter gradients from twins to update nodes. The loss is outside: gradients of the outputs are inputs.
    ///
    /// A twin's results are the gradients of the forward operands, by position; `None` where none is needed
    /// (integers, inputs of the graph, running statistics). Its operands are the gradients of the forward results,
    /// one per use, then what the forward pass saved.
    ///
    /// Arithmetic: a matrix operator costs its forward multiply–accumulates once per gradient of its first two
    /// operands; what else it does forward, and every other operator, once per gradient. Uses of a tensor beyond the
    /// first cost one addition per element.
    ///
    /// # Errors
    /// As [`BoundGraph::node_cost`], or more tensors than 32 bits count.
    pub fn training_graph(&self, optimizer: UpdateRule) -> Result<BoundGraph> {
        let mut step = Step { bound: self, parts: self.graph().clone().into_parts(), gradients: HashMap::new() };
        step.parts.name = format!("{} training", step.parts.name);
        let needed = self.needing_gradient();
        for &output in self.graph().outputs() {
            if needed[output.index()] {
                let seed = step.tensor(output, TensorKind::Input, "grad");
                step.parts.inputs.push(seed);
                step.gradients.entry(output).or_default().push(seed);
            }
        }
        for &id in self.live().iter().rev() {
            step.twin(id, &needed)?;
        }
        for weight in self.weights() {
            step.update(weight, optimizer)?;
        }
        Ok(Graph::new(step.parts)?.bind(&Assignment::new())?.derived(self))
    }

    /// Tensors a gradient must reach: trainable parameters and what depends on them.
    fn needing_gradient(&self) -> Vec<bool> {
        let graph = self.graph();
        let tensors = (0..graph.tensors().len() as u32).map(TensorId);
        let mut needed: Vec<bool> = tensors.map(|t| self.is_parameter(t) && self.fact(t).dtype.is_float()).collect();
        for &id in self.live() {
            let node = graph.node(id);
            let reached = gradient_operands(node, &needed).any(|t| t.is_some());
            for &t in node.outputs.iter().flatten() {
                needed[t.index()] = reached && self.fact(t).dtype.is_float();
            }
        }
        needed
    }
}

/// Operands by position, `None` where no gradient goes.
fn gradient_operands<'a>(node: &'a Node, needed: &'a [bool]) -> impl Iterator<Item = Option<TensorId>> + 'a {
    let wanted = |(i, t): (usize, &Option<TensorId>)| t.filter(|t| needed[t.index()] && !node.role(i).is_statistic());
    node.inputs.iter().enumerate().map(wanted)
}

/// A training step under construction.
struct Step<'a> {
    bound: &'a BoundGraph,
    parts: Parts,
    /// Gradients of a tensor, one per use.
    gradients: HashMap<TensorId, Vec<TensorId>>,
}

impl Step<'_> {
    /// A new tensor of the type and shape of `like`.
    fn tensor(&mut self, like: TensorId, kind: TensorKind, suffix: &str) -> TensorId {
        let fact = self.bound.fact(like);
        let id = self.parts.tensors.len();
        let dims = fact.shape.as_ref().map(|s| s.iter().copied().map(Dim::Fixed).collect());
        let name = format!("{}.{suffix}{id}", self.bound.graph().tensor(like).name);
        self.parts.tensors.push(Tensor { name, kind, dtype: Some(fact.dtype), dims, value: None });
        TensorId(id as u32)
    }

    fn elements(&self, t: TensorId) -> u64 {
        self.bound.shape(t).and_then(elements).unwrap_or(0)
    }

    /// Additions that sum the gradients of all uses of `t`.
    fn accumulation(&self, t: TensorId) -> u64 {
        let uses = self.gradients.get(&t).map_or(0, Vec::len) as u64;
        uses.saturating_sub(1).saturating_mul(self.elements(t))
    }

    fn twin(&mut self, id: NodeId, needed: &[bool]) -> Result<()> {
        let bound = self.bound;
        let node = bound.graph().node(id);
        let results = || node.outputs.iter().flatten().copied();
        let incoming: Vec<TensorId> = results().filter_map(|t| self.gradients.get(&t)).flatten().copied().collect();
        let wanted: Vec<Option<TensorId>> = gradient_operands(node, needed).collect();
        if incoming.is_empty() || wanted.iter().all(Option::is_none) {
            return Ok(());
        }
        let forward = bound.work(node)?;
        let count = |operands: &mut dyn Iterator<Item = &Option<TensorId>>| operands.flatten().count() as u64;
        let all = count(&mut wanted.iter());
        let matrix = count(&mut wanted.iter().take(2));
        let beside = if forward.macs > 0 { all - matrix } else { all };
        let overflow = || Error::Overflow { place: format!("backward pass of node `{}`", node.name) };
        let macs = forward.macs.checked_mul(matrix).ok_or_else(overflow)?;
        let flops = forward.flops.saturating_sub(forward.macs.saturating_mul(2)).checked_mul(beside);
        let sums = results().map(|t| self.accumulation(t)).fold(0, u64::saturating_add);
        let flops = flops.and_then(|n| n.checked_add(macs.checked_mul(2)?)?.checked_add(sums)).ok_or_else(overflow)?;

        let mut inputs: Vec<Option<TensorId>> = incoming.into_iter().map(Some).collect();
        match node.saves() {
            Saved::Operands => inputs.extend(&node.inputs),
            Saved::Results => inputs.extend(&node.outputs),
            Saved::Nothing => {}
        }
        let gradient = |step: &mut Self, t: TensorId| {
            let gradient = step.tensor(t, TensorKind::Gradient, "grad");
            step.gradients.entry(t).or_default().push(gradient);
            gradient
        };
        let outputs = wanted.into_iter().map(|t| t.map(|t| gradient(self, t))).collect();
        let mut attrs: Attrs = node.attrs.clone();
        attrs.extend(arithmetic(flops, macs, forward.view && sums == 0));
        let name = format!("{}.backward", node.name);
        self.parts.nodes.push(Node { name, op: node.op.clone(), attrs, inputs, outputs, phase: Phase::Backward });
        Ok(())
    }

    fn update(&mut self, weight: TensorId, optimizer: UpdateRule) -> Result<()> {
        let Some(gradients) = self.gradients.get(&weight).cloned() else { return Ok(()) };
        let place = || format!("update of `{}`", self.bound.graph().tensor(weight).name);
        let flops = self.elements(weight).checked_mul(optimizer.flops());
        let flops = flops.and_then(|n| n.checked_add(self.accumulation(weight)));
        let flops = flops.ok_or_else(|| Error::Overflow { place: place() })?;
        let name = place();
        let mut inputs = vec![Some(weight)];
        inputs.extend(gradients.into_iter().map(Some));
        for _ in 0..optimizer.moments() {
            let moment = self.tensor(weight, TensorKind::Input, "moment");
            self.parts.inputs.push(moment);
            inputs.push(Some(moment));
        }
        let outputs = vec![Some(self.tensor(weight, TensorKind::Activation, "updated"))];
        let op = OpType::Custom { domain: "tachograph".into(), name: format!("{optimizer:?}") };
        let attrs = arithmetic(flops, 0, false);
        self.parts.nodes.push(Node { name, op, attrs, inputs, outputs, phase: Phase::Update });
        Ok(())
    }
}

fn arithmetic(flops: u64, macs: u64, view: bool) -> Attrs {
    let int = |n: u64| Attr::Int(i64::try_from(n).unwrap_or(i64::MAX));
    attrs([("flops", int(flops)), ("macs", int(macs)), ("view", int(view.into()))])
}
