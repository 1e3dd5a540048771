//! Makes the batch, and the extents of images, hyperparameters where exporters fixed them.

use tachograph_ir::{
    Assignment, Call, Dim, Domain, Fact, Graph, Hyperparameter, Node, OpError, OpType, TensorId, TensorKind,
};

use super::{image, rebatch::Rebatch};

/// Names of the hyperparameters.
pub(super) const BATCH: &str = "batch";
pub(super) const IMAGE: [&str; 2] = ["height", "width"];
/// Most channels that an input of four axes may have to be an image.
const CHANNELS: u64 = 4;

/// Frees the leading extent that all inputs share, with that extent as default, and `height` and `width` if the only
/// input is an image. Shapes that hold the batch in constants are rewritten. Graphs with free extents, or whose inputs
/// share none, stay as they are.
///
/// # Errors
/// The graph does not follow another batch; the reason names the node. The graph is lost.
pub(super) fn free(graph: Graph) -> Result<Graph, String> {
    let Some(batch) = leading_extent(&graph) else { return Ok(graph) };
    let facts = graph.facts(&Assignment::new()).map_err(|e| e.to_string())?;
    let (graph, rewritten) = rewrite(graph, &facts, batch)?;
    if rewritten {
        verify(&graph, &facts)?;
    }
    Ok(image::follow(graph))
}

/// The leading extent of the inputs, if it is fixed and one.
pub(super) fn leading_extent(graph: &Graph) -> Option<u64> {
    let leading = |id: &TensorId| match graph.tensor(*id).dims.as_ref()?.first()? {
        Dim::Fixed(n) => Some(*n),
        Dim::Free(_) => None,
    };
    let first = graph.inputs().first().and_then(leading).filter(|&n| n > 0)?;
    let shared = graph.inputs().iter().all(|id| leading(id) == Some(first));
    (shared && graph.hyperparameters().is_empty()).then_some(first)
}

/// Infers the graph at three times the batch, node by node, rewriting nodes that insist on the old one. The graph
/// with free extents, and whether a node had to change.
fn rewrite(graph: Graph, old: &[Fact], batch: u64) -> Result<(Graph, bool), String> {
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
    for id in &parts.inputs {
        if let (Some(dims), Some(shape)) = (&mut parts.tensors[id.index()].dims, &mut facts[id.index()].shape) {
            dims[0] = free(BATCH, batch);
            if parts.inputs.len() == 1 {
                for (axis, name) in image_axes(shape).into_iter().flatten().zip(IMAGE) {
                    dims[axis] = free(name, shape[axis]);
                }
            }
            shape[0] = shape[0].checked_mul(3).ok_or("it is too large")?;
        }
    }
    let mut rebatch = Rebatch { old, facts, parts, replaced: 0 };
    for mut node in nodes {
        rebatch.adapt(&mut node);
        rebatch.push(node)?;
    }
    let Rebatch { facts, parts, replaced, .. } = rebatch;
    let lost = |(i, old): (usize, &Fact)| old.shape.is_some() && facts[i].shape.is_none();
    if let Some(place) = old.iter().enumerate().position(lost) {
        return Err(format!("the shape of `{}` would need what the file declares", parts.tensors[place].name));
    }
    for &id in &parts.outputs {
        let leading = |facts: &[Fact]| facts.get(id.index())?.shape.as_ref()?.first().copied();
        if leading(old).and_then(|n| n.checked_mul(3)) != leading(&facts) || leading(&facts).is_none() {
            return Err(format!("output `{}` does not follow it", parts.tensors[id.index()].name));
        }
    }
    let rewritten = replaced > 0 || parts.nodes.len() != count || parts.tensors.len() != tensors;
    Ok((Graph::new(parts).map_err(|e| e.to_string())?, rewritten))
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
