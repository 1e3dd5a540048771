//! A network as what has to be done: groups of operators with their programs, and what needs none.

use std::collections::HashSet;

use tachograph_ir::{BoundGraph, DType, Fill, FusionGroup, FusionRule, NodeId, TensorId};
use tachograph_program::{Form, Group, Machine, Space, Target, forms, group};

use crate::{Error, Result};

/// A network, part by part, in the order in which they run.
pub struct Network<'a> {
    /// The graph.
    pub bound: &'a BoundGraph,
    /// What its groups come to.
    pub parts: Vec<Part>,
}

/// A group of operators.
pub struct Part {
    /// Its position among the groups of the graph.
    pub group: usize,
    /// Its operators, as `Conv+Relu`.
    pub operators: String,
    /// Their nodes, in the order in which they run.
    pub nodes: Vec<NodeId>,
    /// What has to be done.
    pub work: Work,
}

/// What a group comes to.
pub enum Work {
    /// It depends on weights alone: computed before the network runs.
    Constant(Group),
    /// Its result is an operand by another shape or name.
    View {
        /// The operand.
        from: TensorId,
        /// The result.
        to: TensorId,
    },
    /// Its result is its operands, one after the other along an axis: each may be made where it will lie.
    Join {
        /// The operands, in order.
        from: Vec<TensorId>,
        /// The result.
        to: TensorId,
        /// The axis.
        axis: usize,
        /// The program that copies, for where they cannot lie so.
        copy: Group,
    },
    /// A kernel, by any of these forms.
    Kernel(Vec<(Form, Group)>),
}

impl Work {
    /// The group that a kernel in this form computes; `None` where there is no such kernel.
    pub(crate) fn group(&self, form: Form) -> Option<&Group> {
        match self {
            Self::Kernel(forms) => forms.iter().find(|(other, _)| *other == form).map(|(_, group)| group),
            Self::Join { copy, .. } => Some(copy),
            Self::View { .. } | Self::Constant(_) => None,
        }
    }
}

impl<'a> Network<'a> {
    /// Finds out what has to be done.
    ///
    /// # Errors
    /// A group that has no program: the message names the operator and the node.
    pub fn of(bound: &'a BoundGraph) -> Result<Self> {
        let mut parts = Vec::new();
        for (i, fused) in bound.fuse(&FusionRule::default()).iter().enumerate() {
            let mut results = fused.nodes.iter().flat_map(|&id| bound.graph().node(id).outputs.iter().flatten());
            // Shape arithmetic is done.
            if results.all(|&id| bound.fact(id).value.is_some()) {
                continue;
            }
            for fused in split(bound, fused) {
                let work = work(bound, &fused)?;
                parts.push(Part { group: i, operators: operators(bound, &fused.nodes), nodes: fused.nodes, work });
            }
        }
        Ok(Self { bound, parts })
    }

    /// Inputs to try it on, as they lie in memory: what looks random, and whole numbers that can be looked up.
    pub fn stand_ins(&self) -> Vec<Vec<u8>> {
        let input = |&id: &TensorId| -> Vec<u8> {
            let n = self.shape(id).iter().product::<u64>() as usize;
            let (fill, dtype) = (Fill::of(self.bound, id), self.bound.fact(id).dtype);
            let width = usize::try_from(self.element_bytes(id)).unwrap_or(8).clamp(1, 8);
            match dtype {
                DType::F64 => fill.floats(id.0, n).into_iter().flat_map(|x| f64::from(x).to_ne_bytes()).collect(),
                dtype if dtype.is_integer() => {
                    fill.integers(id.0, n).iter().flat_map(|x| x.to_le_bytes().into_iter().take(width)).collect()
                }
                _ => fill.floats(id.0, n).into_iter().flat_map(f32::to_ne_bytes).collect(),
            }
        };
        self.bound.graph().inputs().iter().map(input).collect()
    }

    /// Shape of a tensor.
    pub fn shape(&self, id: TensorId) -> &[u64] {
        self.bound.shape(id).unwrap_or_default()
    }

    /// Size of its elements in bytes.
    pub fn element_bytes(&self, id: TensorId) -> u64 {
        self.bound.fact(id).dtype.bits().div_ceil(8)
    }
}

fn operators(bound: &BoundGraph, nodes: &[NodeId]) -> String {
    let names = nodes.iter().map(|id| bound.graph().node(*id).op.name().to_owned());
    names.collect::<Vec<_>>().join("+")
}

/// A group that no template knows in two where one knows its beginning, the longest that it knows: what follows a sum and is
/// larger than it, such as the product with the gate of channels that a small convolution makes, is better off alone.
fn split(bound: &BoundGraph, fused: &FusionGroup) -> Vec<FusionGroup> {
    let known = |nodes: &[NodeId]| {
        let made = group(bound, &FusionGroup { nodes: nodes.to_vec() });
        let space = made.and_then(|made| Space::templates(&made.workload, Machine::of(Target::native())));
        space.is_ok_and(|space| !space.sketches.is_empty())
    };
    if fused.nodes.len() < 2 || known(&fused.nodes) {
        return vec![fused.clone()];
    }
    match (1..fused.nodes.len()).rev().find(|&n| known(&fused.nodes[..n])) {
        Some(n) => {
            let (first, rest) = fused.nodes.split_at(n);
            let mut parts = vec![FusionGroup { nodes: first.to_vec() }];
            parts.extend(split(bound, &FusionGroup { nodes: rest.to_vec() }));
            parts
        }
        None => vec![fused.clone()],
    }
}

fn work(bound: &BoundGraph, fused: &FusionGroup) -> Result<Work> {
    let refuse = |source| Error::Group {
        operators: operators(bound, &fused.nodes),
        node: fused.nodes.first().map_or_else(String::new, |&id| bound.graph().node(id).name.clone()),
        source,
    };
    let results = fused.nodes.last().map_or(&[][..], |&id| &bound.graph().node(id).outputs);
    if results.iter().flatten().all(|&id| bound.fact(id).constant) {
        return Ok(Work::Constant(group(bound, fused).map_err(refuse)?));
    }
    if let Some((from, to)) = view(bound, fused) {
        return Ok(Work::View { from, to });
    }
    Ok(match join(bound, fused) {
        Some((from, to, axis)) => Work::Join { from, to, axis, copy: group(bound, fused).map_err(refuse)? },
        None => Work::Kernel(forms(bound, fused).map_err(refuse)?),
    })
}

/// The operand and the result of nodes that move nothing.
fn view(bound: &BoundGraph, fused: &FusionGroup) -> Option<(TensorId, TensorId)> {
    let graph = bound.graph();
    let same = |id: &NodeId| {
        let node = graph.node(*id);
        let types = |tensor: Option<&Option<TensorId>>| Some(bound.fact((*tensor?)?).dtype);
        bound.is_view(*id) && types(node.inputs.first()) == types(node.outputs.first())
    };
    if !fused.nodes.iter().all(same) {
        return None;
    }
    let from = graph.node(*fused.nodes.first()?).inputs.first().copied().flatten()?;
    let to = graph.node(*fused.nodes.last()?).outputs.first().copied().flatten()?;
    Some((from, to))
}

/// The operands, the result and the axis of a concatenation that is a group by itself.
fn join(bound: &BoundGraph, fused: &FusionGroup) -> Option<(Vec<TensorId>, TensorId, usize)> {
    let &[id] = fused.nodes.as_slice() else { return None };
    let node = bound.graph().node(id);
    if node.op.name() != "Concat" {
        return None;
    }
    let from: Vec<TensorId> = node.inputs.iter().copied().collect::<Option<_>>()?;
    let to = node.outputs.first().copied().flatten()?;
    let rank = bound.shape(to)?.len() as i64;
    let axis = node.int("axis")?;
    let axis = usize::try_from(if axis < 0 { axis + rank } else { axis }).ok()?;
    // The same operand twice would have to lie in two places, and a constant is made elsewhere.
    let distinct = from.iter().collect::<HashSet<_>>().len() == from.len();
    (distinct && !from.iter().any(|&id| bound.fact(id).constant)).then_some((from, to, axis))
}
