//! From a graph to workloads: every group of a partition becomes one, epilogues inside.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tachograph_ir::{BoundGraph, Call, Class, DType, FusionGroup, TensorId};

use crate::{
    BufferId, Builder, Error, Result, Workload,
    operator::{self, Tile},
};

/// A group of operators as a workload, and which tensors of the graph its buffers are.
#[derive(Clone, Debug)]
pub struct Group {
    /// What it computes.
    pub workload: Workload,
    /// Inputs, weights and constants that it reads.
    pub inputs: Vec<(TensorId, BufferId)>,
    /// Results that are read outside of the group.
    pub outputs: Vec<(TensorId, BufferId)>,
}

/// How a convolution is computed, where there are several ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// As its definition says.
    #[default]
    Direct,
    /// By Winograd's F(2×2, 3×3).
    WinogradF2,
    /// By Winograd's F(4×4, 3×3).
    WinogradF4,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::Direct, Self::WinogradF2, Self::WinogradF4];

    pub(crate) fn tile(self) -> Option<Tile> {
        match self {
            Self::Direct => None,
            Self::WinogradF2 => Some(Tile::F2),
            Self::WinogradF4 => Some(Tile::F4),
        }
    }
}

/// Makes a workload of a group of [`BoundGraph::fuse`].
///
/// # Errors
/// An operator that has no workload here, or not with these attributes; a shape that is not known.
pub fn group(bound: &BoundGraph, fused: &FusionGroup) -> Result<Group> {
    group_as(bound, fused, Form::Direct)
}

/// The workloads of a group that compete: the first by definition, others where it has a convolution that allows them.
///
/// # Errors
/// As [`group`].
pub fn forms(bound: &BoundGraph, fused: &FusionGroup) -> Result<Vec<(Form, Group)>> {
    let mut found = vec![(Form::Direct, group(bound, fused)?)];
    let convolves = |&id: &tachograph_ir::NodeId| bound.graph().node(id).class() == Class::Convolution;
    if fused.nodes.iter().filter(|id| convolves(id)).count() == 1 {
        let others = Form::ALL.into_iter().filter(|form| form.tile().is_some());
        found.extend(others.filter_map(|form| Some((form, group_as(bound, fused, form).ok()?))));
    }
    Ok(found)
}

/// As [`group`], with its convolutions in this form.
///
/// # Errors
/// As [`group`]; a convolution that does not allow the form.
pub fn group_as(bound: &BoundGraph, fused: &FusionGroup, form: Form) -> Result<Group> {
    let graph = bound.graph();
    let ops: Vec<&str> = fused.nodes.iter().map(|&id| graph.node(id).op.name()).collect();
    let mut b = Builder::new(ops.join("+"));
    let mut there: HashMap<TensorId, BufferId> = HashMap::new();
    let mut inputs = Vec::new();
    for &id in &fused.nodes {
        let node = graph.node(id);
        let op = operator::find(node.op.name())
            .ok_or_else(|| Error::operator(node.op.name(), format!("node `{}` has no workload", node.name)))?;
        let mut operands = Vec::new();
        for (position, tensor) in node.inputs.iter().enumerate() {
            let Some(tensor) = *tensor else {
                operands.push(None);
                continue;
            };
            let buffer = match there.get(&tensor) {
                Some(&buffer) => buffer,
                None => {
                    let fact = bound.fact(tensor);
                    if matches!(node.role(position), tachograph_ir::Role::Shape) {
                        // Shape arithmetic has done its work: nothing reads these numbers.
                        operands.push(None);
                        continue;
                    }
                    let Some(shape) = &fact.shape else {
                        let message = format!("node `{}` has an operand of unknown shape", node.name);
                        return Err(Error::operator(node.op.name(), message));
                    };
                    // What shape arithmetic knows is there beforehand, though the shape it is of may be an input's.
                    let known = fact.constant || fact.value.is_some();
                    let name = if known { "w" } else { "x" };
                    let buffer = match known {
                        true => b.weight(name, fact.dtype, shape)?,
                        false => b.input(name, fact.dtype, shape)?,
                    };
                    inputs.push((tensor, buffer));
                    there.insert(tensor, buffer);
                    buffer
                }
            };
            operands.push(Some(buffer));
        }
        let (facts, results) = (bound.input_facts(node), bound.output_facts(node));
        let call = Call { node, inputs: &facts, outputs: &results };
        let made = op.build(&mut b, &operator::Node { call, operands, form })?;
        for (i, (tensor, buffer)) in node.outputs.iter().zip(made).enumerate() {
            let Some(tensor) = *tensor else { continue };
            check(bound, tensor, &b, buffer).map_err(|message| {
                Error::operator(node.op.name(), format!("result {i} of node `{}` {message}", node.name))
            })?;
            there.insert(tensor, buffer);
        }
    }
    let inside = |tensor: TensorId| {
        let readers = bound.live().iter().filter(|&&id| graph.node(id).inputs.contains(&Some(tensor)));
        readers.clone().count() > 0 && readers.into_iter().all(|id| fused.nodes.contains(id))
    };
    let results = fused.nodes.iter().flat_map(|&id| graph.node(id).outputs.iter().flatten());
    let read = results.filter(|&&tensor| graph.outputs().contains(&tensor) || !inside(tensor));
    let outputs: Vec<(TensorId, BufferId)> = read.filter_map(|tensor| Some((*tensor, *there.get(tensor)?))).collect();
    let buffers: Vec<BufferId> = outputs.iter().map(|(_, buffer)| *buffer).collect();
    let workload = b.finish(&buffers)?;
    Ok(Group { workload, inputs, outputs })
}

/// What was built must have the shape and the type that inference found.
fn check(bound: &BoundGraph, tensor: TensorId, b: &Builder, buffer: BufferId) -> Result<(), String> {
    let fact = bound.fact(tensor);
    let same = |a: DType, b: DType| a == b;
    match &fact.shape {
        Some(shape) if shape == b.shape(buffer) && same(fact.dtype, b.dtype(buffer)) => Ok(()),
        shape => Err(format!("is {} {shape:?} and came out as {} {:?}", fact.dtype, b.dtype(buffer), b.shape(buffer))),
    }
}
