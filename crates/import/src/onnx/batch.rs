//! Makes the batch, and the extents of images, hyperparameters where exporters fixed them.

use tachograph_ir::{
    Assignment, BatchAxis, Call, Dim, Domain, Fact, Graph, Hyperparameter, Node, OpError, OpType, TensorId, TensorKind,
};

use super::{
    image, mixing,
    rebatch::{Choice, Rebatch},
};
use crate::Result;

/// Names of the hyperparameters.
pub(super) const BATCH: &str = "batch";
pub(super) const IMAGE: [&str; 2] = ["height", "width"];
/// Most channels that an input of four axes may have to be an image.
const CHANNELS: u64 = 4;

/// Axis of each input that is the batch; `None` for inputs that are the same for all.
type Plan = Vec<Option<usize>>;

/// How often the places of the batch in reshapes are chosen anew.
const TRIES: usize = 64;

/// What became of a graph whose batch its file fixes.
pub(super) enum Batch {
    /// It is free, or the file frees it, or there is no input.
    Free(Graph),
    /// The graph is lost. The reason names the node in the way, or the input that is one example.
    Fixed {
        /// Why.
        why: String,
        /// False where the network has no batch.
        has_one: bool,
    },
}

/// Frees the batch, with the extent of the file as default, and `height` and `width` if the only input is an image. It
/// is the axis that the first operator takes for it ([`Graph::batch_axis`]), else the first one, or the second where the
/// first would mix examples. Shapes that hold the batch in constants are rewritten; where they leave open which axis
/// grows, the first way is taken that suits all nodes. Graphs with free extents stay as they are. `again` makes the
/// graph anew.
///
/// # Errors
/// Those of `again`.
pub(super) fn free(graph: Graph, again: impl Fn() -> Result<Graph>) -> Result<Batch> {
    let Some((plans, facts)) = plans(&graph) else { return Ok(Batch::Free(graph)) };
    let plans = match plans {
        Ok(plans) => plans,
        Err(why) => return Ok(Batch::Fixed { why, has_one: false }),
    };
    let (mut spare, mut first) = (Some(graph), None);
    for (plan, batch) in plans {
        let mut choices = Vec::new();
        for _ in 0..TRIES {
            let graph = spare.take().map_or_else(&again, Ok)?;
            let why = match rewrite(graph, &facts, &plan, batch, &mut choices) {
                Ok(graph) if plan.first() == Some(&Some(0)) => return Ok(Batch::Free(image::follow(graph))),
                Ok(graph) => return Ok(Batch::Free(graph)),
                Err(why) => why,
            };
            first.get_or_insert(format!("the batch stays fixed at {batch}: {why}"));
            // The last choice that has another way takes it.
            while choices.last().is_some_and(|choice: &Choice| choice.taken + 1 == choice.of) {
                choices.pop();
            }
            match choices.last_mut() {
                Some(choice) => choice.taken += 1,
                None => break,
            }
        }
    }
    Ok(Batch::Fixed { why: first.unwrap_or_else(|| "the batch is not known".into()), has_one: true })
}

/// Which axes may be the batch, and its extent there, most likely ones first; `None` where nothing is to be freed, an
/// error where the first input is one example.
#[allow(clippy::type_complexity)]
fn plans(graph: &Graph) -> Option<(Result<Vec<(Plan, u64)>, String>, Vec<Fact>)> {
    let fixed = |id: TensorId| -> Option<Vec<u64>> {
        let extent = |dim: &Dim| if let Dim::Fixed(n) = dim { Some(*n) } else { None };
        graph.tensor(id).dims.as_ref()?.iter().map(extent).collect()
    };
    let first = *graph.inputs().first()?;
    let shape = fixed(first).filter(|shape| !shape.is_empty())?;
    if !graph.hyperparameters().is_empty() || !graph.inputs().iter().all(|&id| fixed(id).is_some()) {
        return None;
    }
    let facts = graph.facts(&Assignment::new()).ok()?;
    let axes = match graph.batch_axis(first) {
        BatchAxis::At(axis) => vec![axis],
        BatchAxis::Absent => {
            return Some((Err(format!("input `{}` of {shape:?} has no batch", graph.tensor(first).name)), facts));
        }
        BatchAxis::Unsaid if shape.len() > 2 => vec![0, 1],
        BatchAxis::Unsaid => vec![0],
    };
    let plan = |axis: usize| {
        let batch = *shape.get(axis).filter(|&&n| n > 0)?;
        let of = |&id: &TensorId| {
            let shape = fixed(id)?;
            let axis = match graph.batch_axis(id) {
                BatchAxis::At(axis) => axis,
                BatchAxis::Absent => return None,
                BatchAxis::Unsaid if axis > 0 && shape.len() > 2 => axis,
                BatchAxis::Unsaid => 0,
            };
            (shape.get(axis) == Some(&batch)).then_some(axis)
        };
        let others = graph.inputs().iter().skip(1).map(of);
        Some((std::iter::once(Some(axis)).chain(others).collect(), batch))
    };
    Some((Ok(axes.into_iter().filter_map(plan).collect()), facts))
}

/// Infers the graph at three times the batch, node by node, rewriting nodes that insist on the old one. The graph
/// with free extents.
fn rewrite(graph: Graph, old: &[Fact], plan: &Plan, batch: u64, choices: &mut Vec<Choice>) -> Result<Graph, String> {
    let mut parts = graph.into_parts();
    let nodes = std::mem::take(&mut parts.nodes);
    let (count, tensors) = (nodes.len(), parts.tensors.len());
    let mut facts = old.to_vec();
    for (tensor, fact) in parts.tensors.iter_mut().zip(&mut facts) {
        if matches!(tensor.kind, TensorKind::Activation | TensorKind::Gradient) {
            tensor.dims = None;
            *fact = Fact::unknown(fact.dtype);
        }
    }
    let mut free = |name: &str, default| {
        parts.hyperparameters.insert(name.into(), Hyperparameter { domain: Domain::POSITIVE, default: Some(default) });
        Dim::Free(name.into())
    };
    for (id, axis) in parts.inputs.iter().zip(plan) {
        if let (Some(dims), Some(shape), &Some(axis)) =
            (&mut parts.tensors[id.index()].dims, &mut facts[id.index()].shape, axis)
        {
            dims[axis] = free(BATCH, batch);
            if parts.inputs.len() == 1 && axis == 0 {
                for (axis, name) in image_axes(shape).into_iter().flatten().zip(IMAGE) {
                    dims[axis] = free(name, shape[axis]);
                }
            }
            shape[axis] = shape[axis].checked_mul(3).ok_or("it is too large")?;
        }
    }
    let mut rebatch = Rebatch::new(old, facts, parts, std::mem::take(choices));
    let mut picker = None;
    let walked = walk(&mut rebatch, nodes, &mut picker);
    let Rebatch { facts, parts, replaced, .. } = {
        *choices = std::mem::take(&mut rebatch.choices);
        rebatch
    };
    walked?;
    let lost = |(i, old): (usize, &Fact)| old.shape.is_some() && facts[i].shape.is_none();
    if let Some(place) = old.iter().enumerate().position(lost) {
        return Err(format!("the shape of `{}` would need what the file declares", parts.tensors[place].name));
    }
    for &id in &parts.outputs {
        let shapes = (old[id.index()].shape.as_deref(), facts[id.index()].shape.as_deref());
        if !matches!(shapes, (Some(old), Some(new)) if grows(old, new)) {
            let name = &parts.tensors[id.index()].name;
            return Err(match picker {
                Some(node) => format!(
                    "node {node} picks from all examples by a constant index, so that output `{name}` does not follow"
                ),
                None => format!("output `{name}` does not follow it"),
            });
        }
    }
    let rewritten = replaced > 0 || parts.nodes.len() != count || parts.tensors.len() != tensors;
    let graph = Graph::new(parts).map_err(|e| e.to_string())?;
    if rewritten {
        verify(&graph, old)?;
    }
    Ok(graph)
}

/// Adds every node, and notes the last that picks from the whole batch.
fn walk(rebatch: &mut Rebatch<'_>, nodes: Vec<Node>, picker: &mut Option<String>) -> Result<(), String> {
    for mut node in nodes {
        rebatch.adapt(&mut node);
        if let Some(what) = mixing::mixes(rebatch, &node) {
            return Err(format!("node `{}` ({}) {what}", node.name, node.op));
        }
        if mixing::picks(rebatch, &node) {
            *picker = Some(format!("`{}` ({})", node.name, node.op));
        }
        rebatch.push(node)?;
    }
    Ok(())
}

/// True if some extents are three times what they were, and the others as they were.
fn grows(old: &[u64], new: &[u64]) -> bool {
    let fits = |(&old, &new): (&u64, &u64)| old == new || old.checked_mul(3) == Some(new);
    old != new && old.len() == new.len() && old.iter().zip(new).all(fits)
}

/// Axes of height and width of an image, channels first or last.
fn image_axes(shape: &[u64]) -> Option<[usize; 2]> {
    match *shape {
        [_, channels, _, _] if channels <= CHANNELS => Some([2, 3]),
        [_, _, _, channels] if channels <= CHANNELS => Some([1, 2]),
        _ => None,
    }
}

/// What inference says of one node; empty where it gives up.
pub(super) fn infer(node: &Node, facts: &[Fact]) -> Result<Vec<Fact>, String> {
    let OpType::Known(_, op) = &node.op else { return Ok(Vec::new()) };
    let inputs: Vec<_> = node.inputs.iter().map(|id| id.and_then(|id| facts.get(id.index()))).collect();
    match op.infer(&Call { node, inputs: &inputs, outputs: &[] }) {
        Ok(facts) => Ok(facts),
        Err(OpError::Unknown) => Ok(Vec::new()),
        Err(OpError::Invalid(message)) => Err(format!("node `{}` ({}): {message}", node.name, node.op)),
    }
}

/// The defaults must give the shapes of the file.
fn verify(graph: &Graph, old: &[Fact]) -> Result<(), String> {
    let same = graph.facts(&Assignment::new()).map_err(|e| e.to_string())?;
    match (0..old.len()).find(|&i| same[i].shape != old[i].shape) {
        None => Ok(()),
        Some(i) => Err(format!("rewriting changed the shape of `{}`", graph.tensors()[i].name)),
    }
}
