//! The part of a network that a checkpoint has seen the like of.

use std::collections::HashMap;

use tachograph_features::Schema;
use tachograph_ir::{
    Assignment, Attr, BoundGraph, DType, Dim, Graph, Node, NodeId, Parts, Result, TensorId, TensorKind,
};

use crate::physics::{computed, data_type};

/// A network without the operators that a checkpoint never saw, and in types that it learned. What reads the result of a
/// left-out operator reads its first operand, if that has the same shape (a QuantizeLinear between two convolutions leaves
/// two neighbours), else something given.
pub(crate) struct Familiar {
    /// What is left, unless nothing is.
    pub bound: Option<BoundGraph>,
    /// For each node of `bound`, the node that it was.
    pub was: Vec<NodeId>,
}

/// What of a network is unfamiliar.
pub(crate) struct Unfamiliar {
    /// Live operators that were never seen.
    pub operators: Vec<NodeId>,
    /// Types that were never learned.
    pub types: Vec<DType>,
    /// What stands in for those: f32 if that was learned, else what was.
    pub stand_in: DType,
}

impl Unfamiliar {
    /// By the operators of `schema` and the types `learned`.
    pub fn of(bound: &BoundGraph, schema: &Schema, learned: &[DType]) -> Self {
        let stand_in = learned.first().filter(|_| !learned.contains(&DType::F32)).copied().unwrap_or(DType::F32);
        let mut found = Self { operators: Vec::new(), types: Vec::new(), stand_in };
        // A set that fixes its operators fixed what is done about others too.
        let open = schema.set.fixed_operators().is_none();
        for &id in bound.live() {
            let node = bound.graph().node(id);
            if open && !schema.operators.contains(&node.op.to_string()) {
                found.operators.push(id);
            }
            let dtype = data_type(bound, node);
            if computed(dtype) && !learned.contains(&dtype) && !found.types.contains(&dtype) {
                found.types.push(dtype);
            }
        }
        found
    }

    pub fn is_empty(&self) -> bool {
        self.operators.is_empty() && self.types.is_empty()
    }
}

impl Familiar {
    /// What is left of `bound`, in types that were learned. Nothing is left where the rest does not bind.
    pub fn of(bound: &BoundGraph, unfamiliar: &Unfamiliar) -> Self {
        let nothing = Self { bound: None, was: Vec::new() };
        let Ok((graph, was)) = without(bound, unfamiliar) else { return nothing };
        match graph.bind(&Assignment::new()) {
            Ok(left) if !left.live().is_empty() => Self { bound: Some(left.derived(bound)), was },
            _ => nothing,
        }
    }
}

fn without(bound: &BoundGraph, unfamiliar: &Unfamiliar) -> Result<(Graph, Vec<NodeId>)> {
    let Unfamiliar { operators, types, stand_in } = unfamiliar;
    let mut parts = bound.graph().clone().into_parts();
    let mut stands_for: HashMap<TensorId, TensorId> = HashMap::new();
    let (mut nodes, mut was) = (Vec::new(), Vec::new());
    for (id, mut node) in bound.graph().node_ids().zip(std::mem::take(&mut parts.nodes)) {
        node.inputs.iter_mut().flatten().for_each(|t| *t = *stands_for.get(t).unwrap_or(t));
        let constant = node.outputs.iter().flatten().all(|&t| bound.fact(t).constant && bound.fact(t).value.is_none());
        if operators.contains(&id) || constant {
            for &result in node.outputs.iter().flatten() {
                match like(bound, &node, result).filter(|_| !constant) {
                    Some(operand) => _ = stands_for.insert(result, operand),
                    None => give(&mut parts, bound, result, constant),
                }
            }
            // What it reads is computed all the same.
            parts.outputs.extend(node.inputs.iter().flatten().filter(|_| !constant));
        } else {
            types.iter().for_each(|dtype| convert(&mut node, *dtype, *stand_in));
            nodes.push(node);
            was.push(id);
        }
    }
    parts.outputs.iter_mut().for_each(|t| *t = *stands_for.get(t).unwrap_or(t));
    for (i, tensor) in parts.tensors.iter_mut().enumerate() {
        let dtype = bound.fact(TensorId(i as u32)).dtype;
        if types.contains(&dtype) {
            tensor.dtype = Some(*stand_in);
        }
    }
    parts.nodes = nodes;
    Ok((Graph::new(parts)?, was))
}

/// The first operand that has the shape of `result`, which an operator that is left out leaves in its place.
fn like(bound: &BoundGraph, node: &Node, result: TensorId) -> Option<TensorId> {
    let shape = bound.shape(result)?;
    node.inputs.iter().flatten().copied().find(|&t| bound.shape(t) == Some(shape) && !bound.fact(t).constant)
}

/// Makes an input, or a weight, of a result that nothing computes any more.
fn give(parts: &mut Parts, bound: &BoundGraph, result: TensorId, constant: bool) {
    if let Some(tensor) = parts.tensors.get_mut(result.index()) {
        let fact = bound.fact(result);
        tensor.kind = if constant { TensorKind::Parameter } else { TensorKind::Input };
        tensor.dtype = Some(fact.dtype);
        tensor.dims = fact.shape.as_ref().map(|shape| shape.iter().map(|&n| Dim::Fixed(n)).collect());
        if !constant {
            parts.inputs.push(result);
        }
    }
}

/// Casts to `dtype`, and what else names it, become those to `stand_in`.
fn convert(node: &mut Node, dtype: DType, stand_in: DType) {
    for name in ["to", "dtype", "output_dtype"] {
        if let Some(Attr::Int(code)) = node.attrs.get_mut(name)
            && DType::from_onnx(*code) == Some(dtype)
        {
            // The numbers of TensorProto.DataType.
            *code = (1..29).find(|&number| DType::from_onnx(number) == Some(stand_in)).unwrap_or(*code);
        }
    }
}
