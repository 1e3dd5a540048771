//! Binding: from a graph with free hyperparameters to one where every shape is a number.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    Assignment, Attr, Call, DType, Dim, Error, Fact, Graph, Hyperparameter, Node, NodeId, OpError, OpType, Result,
    Tensor, TensorId, TensorKind, batch::Batch, elements,
};

/// A bound graph: attributes resolved, every tensor with its [`Fact`].
#[derive(Clone, Debug)]
pub struct BoundGraph {
    graph: Graph,
    config: Assignment,
    facts: Vec<Fact>,
    live: Vec<NodeId>,
    free: Free,
    batch: Batch,
}

/// What the graph left open before it was bound.
#[derive(Clone, Debug, Default)]
struct Free {
    dims: Vec<(TensorId, usize, String)>,
    attrs: Vec<(NodeId, String, Attr)>,
    hyperparameters: BTreeMap<String, Hyperparameter>,
}

impl Graph {
    /// Assigns every hyperparameter and infers every shape. Takes microseconds per node.
    ///
    /// # Errors
    /// A hyperparameter left free, outside its domain or unknown; an operator that refuses its operands;
    /// a tensor whose size overflows 64 bits. Custom operators are no error: see [`BoundGraph::unknown_nodes`].
    pub fn bind(&self, config: &Assignment) -> Result<BoundGraph> {
        self.bind_with(config, &[])
    }

    /// Binds with facts for the inputs instead of their declarations.
    pub(crate) fn bind_with(&self, config: &Assignment, given: &[Fact]) -> Result<BoundGraph> {
        let config = self.complete(config)?;
        let facts = infer(self, &config, given)?;
        let live = live(self, &facts);
        let batch = self.batch(&config, &facts);
        Ok(BoundGraph { graph: self.resolved(&config), config, facts, live, free: Free::of(self), batch })
    }

    /// What binding knows of every tensor, without the bound graph around it.
    ///
    /// # Errors
    /// As [`Graph::bind`].
    pub fn facts(&self, config: &Assignment) -> Result<Vec<Fact>> {
        infer(self, &self.complete(config)?, &[])
    }
}

impl BoundGraph {
    /// The graph with attributes and declared shapes resolved.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The assignment that was bound, defaults included.
    pub fn config(&self) -> &Assignment {
        &self.config
    }

    /// The same network under another assignment; hyperparameters that `config` does not mention keep their values.
    ///
    /// # Errors
    /// As [`Graph::bind`].
    pub fn rebind(&self, config: &Assignment) -> Result<Self> {
        let mut whole = self.config.clone();
        whole.extend(config.iter().map(|(name, &value)| (name.clone(), value)));
        self.graph.freed(&self.free.dims, &self.free.attrs, &self.free.hyperparameters).bind(&whole)
    }

    /// The hyperparameter that [`BoundGraph::batch`] is the value of, unless the graph fixes its batch.
    pub fn batch_name(&self) -> Option<&str> {
        self.batch.name.as_deref()
    }

    /// The graph with all bound but the batch, which is open where it was: one graph for every batch.
    pub fn batch_freed(&self) -> Graph {
        let Some(batch) = self.batch_name() else { return self.graph.clone() };
        let Free { dims, attrs, hyperparameters } = &self.free;
        let named = |attr: &Attr| matches!(attr, Attr::Free { name, .. } if name == batch);
        let dims: Vec<_> = dims.iter().filter(|(.., name)| name == batch).cloned().collect();
        let attrs: Vec<_> = attrs.iter().filter(|(.., attr)| named(attr)).cloned().collect();
        let open = hyperparameters.iter().filter(|(name, _)| *name == batch);
        self.graph.freed(&dims, &attrs, &open.map(|(name, h)| (name.clone(), h.clone())).collect())
    }

    /// The same under the assignment and with the batch that `of`, from which it is derived, was bound to.
    #[must_use]
    pub fn derived(self, of: &Self) -> Self {
        let batch = Batch { name: None, ..of.batch.clone() };
        Self { config: of.config.clone(), batch, ..self }
    }

    /// What is known of a tensor.
    pub fn fact(&self, id: TensorId) -> &Fact {
        &self.facts[id.index()]
    }

    /// Its shape, if known.
    pub fn shape(&self, id: TensorId) -> Option<&[u64]> {
        self.fact(id).shape.as_deref()
    }

    /// Facts of a node's operands, by position.
    pub fn input_facts(&self, node: &Node) -> Vec<Option<&Fact>> {
        node.inputs.iter().map(|id| id.map(|id| self.fact(id))).collect()
    }

    /// Facts of a node's results, by position, without their elements; results left out are unknown.
    pub fn output_facts(&self, node: &Node) -> Vec<Fact> {
        let fact = |id: &Option<TensorId>| match id.map(|id| self.fact(id)) {
            Some(fact) => Fact { value: None, ..fact.clone() },
            None => Fact::unknown(DType::F32),
        };
        node.outputs.iter().map(fact).collect()
    }

    /// Nodes that run at every inference, in topological order: not constant, not mere shape
    /// arithmetic, and needed for an output of the graph.
    pub fn live(&self) -> &[NodeId] {
        &self.live
    }

    /// True for a tensor with weights: constant floating-point (or quantised) data that is not shape arithmetic.
    pub fn is_parameter(&self, id: TensorId) -> bool {
        let fact = self.fact(id);
        let declared = self.graph.tensor(id).kind == TensorKind::Parameter;
        declared || (fact.constant && fact.value.is_none())
    }

    /// Live nodes with a result of unknown shape, or with an operator nobody knows (optimisers are known).
    pub fn unknown_nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.live.iter().copied().filter(|&id| {
            let node = self.graph.node(id);
            let custom = node.op.is_custom() && node.phase != crate::Phase::Update;
            custom || node.outputs.iter().flatten().any(|&t| !self.fact(t).is_known())
        })
    }

    /// What of a node is counted, where not all of it is ([`BoundGraph::unknown_nodes`], and loops of which nobody knows
    /// how many trips they take); `None` for all others.
    pub fn counted_in_part(&self, id: NodeId) -> Option<&'static str> {
        let node = self.graph.node(id);
        let OpType::Known(..) = &node.op else {
            return (node.phase != crate::Phase::Update).then_some("operator not known: only its bytes are counted");
        };
        if self.counts_one_trip(id) {
            return Some("number of trips not known: one is counted");
        }
        let known = node.outputs.iter().flatten().all(|&t| self.fact(t).is_known());
        (!known).then_some("shape not known: only the bytes that are known are counted")
    }

    /// True for loops of which nobody knows how many trips they take.
    pub(crate) fn counts_one_trip(&self, id: NodeId) -> bool {
        let node = self.graph.node(id);
        let OpType::Known(_, op) = &node.op else { return false };
        let (inputs, outputs) = (self.input_facts(node), self.output_facts(node));
        op.counts_one_trip(&Call { node, inputs: &inputs, outputs: &outputs })
    }

    /// The batch: the extent that is called so, else that of the axis which is the batch to what reads the first input
    /// ([`Graph::batch_axis`]), else its first extent; 1 where the input is one of a batch.
    pub fn batch(&self) -> u64 {
        self.batch.value
    }
}

impl Free {
    fn of(graph: &Graph) -> Self {
        let mut free = Self { hyperparameters: graph.hyperparameters().clone(), ..Self::default() };
        if free.hyperparameters.is_empty() {
            return free;
        }
        for (i, tensor) in graph.tensors().iter().enumerate() {
            for (axis, dim) in tensor.dims.iter().flatten().enumerate() {
                if let Dim::Free(name) = dim {
                    free.dims.push((TensorId(i as u32), axis, name.clone()));
                }
            }
        }
        for (id, node) in graph.nodes() {
            let open = node.attrs.iter().filter(|(_, attr)| matches!(attr, Attr::Free { .. }));
            free.attrs.extend(open.map(|(name, attr)| (id, name.clone(), attr.clone())));
        }
        free
    }
}

/// Replaces a free attribute by the value of its hyperparameter.
pub(crate) fn resolve(attr: &mut Attr, value: impl Fn(&str) -> u64) {
    if let Attr::Free { name, repeat } = attr {
        let value = value(name) as i64;
        *attr = match *repeat {
            0 => Attr::Int(value),
            n => Attr::Ints(vec![value; n.into()]),
        };
    }
}

/// What the declaration of a tensor says; no shape where a dimension is missing.
fn declared(tensor: &Tensor, config: &Assignment) -> Fact {
    let extent = |d: &Dim| match d {
        Dim::Fixed(n) => Some(*n),
        Dim::Free(name) => config.get(name).copied(),
    };
    Fact {
        held: None,
        dtype: tensor.dtype.unwrap_or(DType::F32),
        shape: tensor.dims.as_ref().and_then(|dims| dims.iter().map(extent).collect()),
        value: tensor.value.clone(),
        constant: matches!(tensor.kind, TensorKind::Parameter | TensorKind::Constant),
    }
}

fn infer(graph: &Graph, config: &Assignment, given: &[Fact]) -> Result<Vec<Fact>> {
    let mut facts: Vec<Fact> = graph.tensors().iter().map(|t| declared(t, config)).collect();
    for (id, fact) in graph.inputs().iter().zip(given) {
        facts[id.index()] = fact.clone();
    }
    for (_, node) in graph.nodes() {
        let resolved = bound_node(node, config);
        let inputs: Vec<Option<&Fact>> = node.inputs.iter().map(|id| id.map(|id| &facts[id.index()])).collect();
        let constant = inputs.iter().flatten().all(|f| f.constant) && !node.op.is_custom();
        let inferred = infer_node(&resolved, &inputs)?;
        for (id, fact) in node.outputs.iter().zip(inferred) {
            let Some(id) = id else { continue };
            // Where inference knows the type alone, a declared shape stands.
            let declared = || facts[id.index()].shape.take().filter(|_| fact.held.is_none());
            let shape = fact.shape.clone().or_else(declared);
            facts[id.index()] = Fact { shape, constant, ..fact };
        }
    }
    for (tensor, fact) in graph.tensors().iter().zip(&facts) {
        if let Some(shape) = &fact.shape
            && elements(shape).and_then(|n| fact.dtype.bytes(n)).is_none()
        {
            return Err(Error::Overflow { place: format!("tensor `{}` of shape {shape:?}", tensor.name) });
        }
    }
    Ok(facts)
}

/// The node with its free attributes resolved.
fn bound_node<'a>(node: &'a Node, config: &Assignment) -> Cow<'a, Node> {
    if !node.attrs.values().any(|a| matches!(a, Attr::Free { .. })) {
        return Cow::Borrowed(node);
    }
    let mut node = node.clone();
    node.attrs.values_mut().for_each(|a| resolve(a, |name| config.get(name).copied().unwrap_or_default()));
    Cow::Owned(node)
}

/// Inferred results; empty (so that declared shapes stand) when they cannot be known.
fn infer_node(node: &Node, inputs: &[Option<&Fact>]) -> Result<Vec<Fact>> {
    let OpType::Known(_, op) = &node.op else { return Ok(Vec::new()) };
    if node.phase != crate::Phase::Forward {
        return Ok(Vec::new());
    }
    match op.infer(&Call { node, inputs, outputs: &[] }) {
        Ok(facts) => Ok(facts),
        Err(OpError::Unknown) => Ok(Vec::new()),
        Err(OpError::Invalid(message)) => {
            Err(Error::Operator { node: node.name.clone(), op: node.op.to_string(), message })
        }
    }
}

fn live(graph: &Graph, facts: &[Fact]) -> Vec<NodeId> {
    let mut needed = vec![false; graph.tensors().len()];
    graph.outputs().iter().for_each(|id| needed[id.index()] = true);
    let mut live = Vec::new();
    for id in graph.node_ids().rev() {
        let node = graph.node(id);
        let runs = |t: &crate::TensorId| {
            let fact = &facts[t.index()];
            needed[t.index()] && !fact.constant && fact.value.is_none()
        };
        if node.outputs.iter().flatten().any(runs) || node.phase == crate::Phase::Update {
            live.push(id);
            node.inputs.iter().flatten().for_each(|t| needed[t.index()] = true);
        }
    }
    live.reverse();
    live
}
