//! The graph itself: operators as nodes, tensors as edges, hyperparameters as free dimensions.

use std::collections::BTreeMap;

use petgraph::{
    algo::toposort,
    graph::{DiGraph, NodeIndex},
    visit::{EdgeRef, IntoNodeReferences},
};
use serde::{Deserialize, Serialize};

use crate::{
    Assignment, Attr, Attrs, Class, Dim, Error, Fusion, Hyperparameter, OpType, Operator, Result, Role, Saved, Tensor,
    TensorId, TensorKind, bind::resolve, nesting, training,
};

/// Index of a node. Indices are a topological order: producers come before consumers.
pub type NodeId = NodeIndex<u32>;

/// Which part of a training step a node belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Inference, or the forward pass.
    #[default]
    Forward,
    /// Computes gradients.
    Backward,
    /// Updates parameters.
    Update,
}

/// One operator application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// For messages; need not be unique.
    pub name: String,
    /// What it computes.
    pub op: OpType,
    /// ONNX attributes.
    pub attrs: Attrs,
    /// Operands by position; `None` where an optional operand is left out.
    pub inputs: Vec<Option<TensorId>>,
    /// Results by position; `None` where an optional result is not wanted.
    pub outputs: Vec<Option<TensorId>>,
    /// Part of the training step.
    #[serde(default)]
    pub phase: Phase,
}

/// Attributes: absent ones, and those of another type, are `None`.
impl Node {
    /// An integer.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.attrs.get(name)? {
            Attr::Int(v) => Some(*v),
            _ => None,
        }
    }

    /// A float.
    pub fn float(&self, name: &str) -> Option<f64> {
        match self.attrs.get(name)? {
            Attr::Float(v) => Some(*v),
            _ => None,
        }
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.attrs.get(name)? {
            Attr::Str(v) => Some(v),
            _ => None,
        }
    }

    /// A list of integers; a single integer is a list of one.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        match self.attrs.get(name)? {
            Attr::Int(v) => Some(std::slice::from_ref(v)),
            Attr::Ints(v) => Some(v),
            _ => None,
        }
    }

    /// The integer at `i` of a list; the last one where the list is shorter.
    pub fn int_at(&self, name: &str, i: usize) -> Option<i64> {
        let values = self.ints(name)?;
        values.get(i).or(values.last()).copied()
    }
}

/// What its [`Operator`] tells of the node. Of operators nobody knows nothing is told: they move data, alone.
impl Node {
    /// What limits it. A backward pass with neither products nor reductions is arithmetic where any is recorded; the
    /// update of a parameter is.
    pub fn class(&self) -> Class {
        match (&self.op, self.phase) {
            (_, Phase::Update) => Class::Elementwise,
            (OpType::Known(_, op), Phase::Forward) => op.class(self),
            (OpType::Known(_, op), Phase::Backward) => match op.class(self) {
                Class::Elementwise | Class::Movement if training::work(self).flops > 0 => Class::Elementwise,
                Class::Elementwise => Class::Movement,
                class => class,
            },
            (OpType::Custom { .. }, _) => Class::Movement,
        }
    }

    /// How it fuses with its neighbours.
    pub fn fuses(&self) -> Fusion {
        self.operator().map_or(Fusion::Alone, |op| op.fuses(self))
    }

    /// What its backward pass keeps.
    pub fn saves(&self) -> Saved {
        self.operator().map_or(Saved::Operands, |op| op.saves(self))
    }

    /// True for an activation function.
    pub fn activates(&self) -> bool {
        self.operator().is_some_and(|op| op.activates(self))
    }

    /// Role of the operand at `i`; data where its operator does not know one.
    pub fn role(&self, i: usize) -> Role {
        self.operator().and_then(|op| op.operand(self, i)).unwrap_or(Role::Data)
    }

    fn operator(&self) -> Option<&'static dyn Operator> {
        match self.op {
            OpType::Known(_, op) => Some(op),
            OpType::Custom { .. } => None,
        }
    }
}

/// A use of a tensor: from the node that writes it to a node that reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The tensor that flows.
    pub tensor: TensorId,
    /// Output position at the producer.
    pub from: u32,
    /// Operand position at the consumer.
    pub to: u32,
}

/// The plain contents of a [`Graph`], before validation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// For messages and files.
    pub name: String,
    /// Every tensor; a [`TensorId`] is a position here.
    pub tensors: Vec<Tensor>,
    /// Nodes in any order.
    pub nodes: Vec<Node>,
    /// What the caller provides.
    pub inputs: Vec<TensorId>,
    /// What the caller gets.
    pub outputs: Vec<TensorId>,
    /// Free dimensions and attributes, by name.
    #[serde(default)]
    pub hyperparameters: BTreeMap<String, Hyperparameter>,
}

/// A validated computational graph, M = ⟨{u_i}, {e_ij}, {hp_k}⟩ in the terms of DNNPerf
/// (Gao et al., ICSE-SEIP 2023): acyclic, every tensor defined once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Graph {
    name: String,
    topology: DiGraph<Node, Edge>,
    tensors: Vec<Tensor>,
    producers: Vec<Option<NodeId>>,
    inputs: Vec<TensorId>,
    outputs: Vec<TensorId>,
    hyperparameters: BTreeMap<String, Hyperparameter>,
}

impl Graph {
    /// Validates `parts` and sorts the nodes topologically (stable: independent nodes keep their order).
    ///
    /// # Errors
    /// A dangling or twice-defined tensor, a cycle, bodies nested deeper than eight levels, or a free dimension without a declared hyperparameter.
    pub fn new(parts: Parts) -> Result<Self> {
        let Parts { name, tensors, nodes, inputs, outputs, hyperparameters } = parts;
        let writer = writers(&tensors, &nodes)?;
        let check = |place: &str, id: TensorId| match tensors.get(id.index()) {
            None => Err(Error::Dangling { place: place.into(), tensor: format!("#{}", id.0) }),
            Some(t)
                if writer[id.index()].is_none() && matches!(t.kind, TensorKind::Activation | TensorKind::Gradient) =>
            {
                Err(Error::Dangling { place: place.into(), tensor: t.name.clone() })
            }
            Some(_) => Ok(()),
        };
        for node in &nodes {
            let place = format!("node `{}` ({})", node.name, node.op);
            node.inputs.iter().flatten().try_for_each(|&id| check(&place, id))?;
            nesting::check(node)?;
        }
        inputs.iter().try_for_each(|&id| check("graph inputs", id))?;
        outputs.iter().try_for_each(|&id| check("graph outputs", id))?;
        check_free_names(&tensors, &nodes, &hyperparameters)?;

        let order = order(&nodes, &writer)?;
        let mut position = vec![0u32; nodes.len()];
        order.iter().enumerate().for_each(|(new, &old)| position[old] = new as u32);
        let producers: Vec<Option<NodeId>> =
            writer.iter().map(|w| w.map(|(node, _)| NodeId::new(position[node] as usize))).collect();

        let mut slots: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
        let mut topology = DiGraph::with_capacity(slots.len(), 2 * slots.len());
        for &old in &order {
            topology.add_node(slots[old].take().expect("each node is placed once"));
        }
        let mut edges = Vec::new();
        for consumer in topology.node_indices() {
            for (to, tensor) in topology[consumer].inputs.iter().enumerate() {
                let Some(tensor) = *tensor else { continue };
                if let Some((_, from)) = writer[tensor.index()] {
                    let producer = producers[tensor.index()].expect("written tensors have producers");
                    edges.push((producer, consumer, Edge { tensor, from, to: to as u32 }));
                }
            }
        }
        for (producer, consumer, edge) in edges {
            topology.add_edge(producer, consumer, edge);
        }
        Ok(Self { name, topology, tensors, producers, inputs, outputs, hyperparameters })
    }

    /// Name given by the file or the builder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Node ids in topological order.
    pub fn node_ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + ExactSizeIterator + use<> {
        self.topology.node_indices()
    }

    /// Nodes in topological order.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.topology.node_references()
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.topology.node_count()
    }

    /// True for a graph without nodes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The node with this id.
    ///
    /// # Panics
    /// When `id` is not of this graph.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.topology[id]
    }

    /// The tensor with this id.
    ///
    /// # Panics
    /// When `id` is not of this graph.
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.index()]
    }

    /// All tensors; positions are [`TensorId`]s.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The node that writes this tensor, if a node does.
    pub fn producer(&self, id: TensorId) -> Option<NodeId> {
        self.producers[id.index()]
    }

    /// What the caller provides.
    pub fn inputs(&self) -> &[TensorId] {
        &self.inputs
    }

    /// What the caller gets.
    pub fn outputs(&self) -> &[TensorId] {
        &self.outputs
    }

    /// Free dimensions and attributes.
    pub fn hyperparameters(&self) -> &BTreeMap<String, Hyperparameter> {
        &self.hyperparameters
    }

    /// Topology for `petgraph`'s algorithms: nodes are operators, edges are uses of tensors.
    pub fn topology(&self) -> &DiGraph<Node, Edge> {
        &self.topology
    }

    /// A copy in which every free dimension and attribute has its value.
    pub(crate) fn resolved(&self, config: &Assignment) -> Self {
        let mut graph = self.clone();
        let value = |name: &str| config.get(name).copied().unwrap_or_default();
        graph.topology.node_weights_mut().flat_map(|n| n.attrs.values_mut()).for_each(|a| resolve(a, value));
        for dim in graph.tensors.iter_mut().flat_map(|t| t.dims.iter_mut().flatten()) {
            if let Dim::Free(name) = dim {
                *dim = Dim::Fixed(value(name));
            }
        }
        graph.hyperparameters.clear();
        graph
    }

    /// A copy of a [resolved](Graph::resolved) graph that leaves open again what it left open before.
    pub(crate) fn freed(
        &self,
        dims: &[(TensorId, usize, String)],
        attrs: &[(NodeId, String, Attr)],
        hyperparameters: &BTreeMap<String, Hyperparameter>,
    ) -> Self {
        let mut graph = self.clone();
        for (tensor, axis, name) in dims {
            let dims = graph.tensors.get_mut(tensor.index()).and_then(|t| t.dims.as_mut());
            if let Some(dim) = dims.and_then(|dims| dims.get_mut(*axis)) {
                *dim = Dim::Free(name.clone());
            }
        }
        for (node, name, attr) in attrs {
            if let Some(node) = graph.topology.node_weight_mut(*node) {
                node.attrs.insert(name.clone(), attr.clone());
            }
        }
        graph.hyperparameters = hyperparameters.clone();
        graph
    }

    /// Uses of node outputs, as `(producer, consumer, edge)`, ordered by consumer.
    pub fn edges(&self) -> impl Iterator<Item = (NodeId, NodeId, Edge)> {
        self.topology.edge_references().map(|e| (e.source(), e.target(), *e.weight()))
    }

    /// The plain contents, to change and validate again.
    pub fn into_parts(self) -> Parts {
        Parts {
            name: self.name,
            tensors: self.tensors,
            nodes: self.topology.into_nodes_edges().0.into_iter().map(|n| n.weight).collect(),
            inputs: self.inputs,
            outputs: self.outputs,
            hyperparameters: self.hyperparameters,
        }
    }
}

impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        self.clone().into_parts() == other.clone().into_parts()
    }
}

impl From<Graph> for Parts {
    fn from(graph: Graph) -> Self {
        graph.into_parts()
    }
}

impl TryFrom<Parts> for Graph {
    type Error = Error;

    fn try_from(parts: Parts) -> Result<Self> {
        Self::new(parts)
    }
}

/// Writer of each tensor as (node position, output position).
fn writers(tensors: &[Tensor], nodes: &[Node]) -> Result<Vec<Option<(usize, u32)>>> {
    let mut writer = vec![None; tensors.len()];
    for (i, node) in nodes.iter().enumerate() {
        for (slot, id) in node.outputs.iter().enumerate() {
            let Some(id) = id else { continue };
            let tensor = tensors.get(id.index()).ok_or_else(|| Error::Dangling {
                place: format!("outputs of node `{}`", node.name),
                tensor: format!("#{}", id.0),
            })?;
            let owned = matches!(tensor.kind, TensorKind::Activation | TensorKind::Gradient);
            if !owned || writer[id.index()].replace((i, slot as u32)).is_some() {
                return Err(Error::Redefined { tensor: tensor.name.clone(), node: node.name.clone() });
            }
        }
    }
    Ok(writer)
}

/// A topological order in which, among the nodes that are ready, the earliest comes first.
fn order(nodes: &[Node], writer: &[Option<(usize, u32)>]) -> Result<Vec<usize>> {
    let mut waiting = vec![0u32; nodes.len()];
    let mut readers = vec![Vec::new(); nodes.len()];
    for (i, node) in nodes.iter().enumerate() {
        for id in node.inputs.iter().flatten() {
            if let Some((producer, _)) = writer[id.index()] {
                waiting[i] += 1;
                readers[producer].push(i);
            }
        }
    }
    let mut ready: std::collections::BinaryHeap<std::cmp::Reverse<usize>> =
        (0..nodes.len()).filter(|&i| waiting[i] == 0).map(std::cmp::Reverse).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(std::cmp::Reverse(i)) = ready.pop() {
        order.push(i);
        for &reader in &readers[i] {
            waiting[reader] -= 1;
            if waiting[reader] == 0 {
                ready.push(std::cmp::Reverse(reader));
            }
        }
    }
    match (0..nodes.len()).find(|&i| waiting[i] > 0) {
        None => Ok(order),
        Some(stuck) => Err(Error::Cycle { node: nodes[cycle_member(stuck, nodes, writer)].name.clone() }),
    }
}

/// Walks producers from a node that never became ready until one repeats: that one is on a cycle.
fn cycle_member(start: usize, nodes: &[Node], writer: &[Option<(usize, u32)>]) -> usize {
    let mut graph = DiGraph::<(), ()>::new();
    graph.extend_with_edges(nodes.iter().enumerate().flat_map(|(i, node)| {
        let producers = node.inputs.iter().flatten().filter_map(|id| writer[id.index()]);
        producers.map(move |(producer, _)| (producer as u32, i as u32))
    }));
    toposort(&graph, None).err().map_or(start, |cycle| cycle.node_id().index())
}

fn check_free_names(tensors: &[Tensor], nodes: &[Node], declared: &BTreeMap<String, Hyperparameter>) -> Result<()> {
    let in_dims = tensors.iter().flat_map(|t| t.dims.iter().flatten()).filter_map(|d| match d {
        Dim::Free(name) => Some(name),
        Dim::Fixed(_) => None,
    });
    let in_attrs = nodes.iter().flat_map(|n| n.attrs.values()).filter_map(|a| match a {
        Attr::Free { name, .. } => Some(name),
        _ => None,
    });
    match in_dims.chain(in_attrs).find(|name| !declared.contains_key(*name)) {
        Some(name) => Err(Error::UnknownName {
            kind: "hyperparameter",
            name: name.clone(),
            known: declared.keys().cloned().collect(),
        }),
        None => Ok(()),
    }
}
