//! Makes the batch a hyperparameter where exporters fixed it.

use tachograph_ir::{
    Call, Concrete, Config, Dim, Domain, Fact, Graph, Hyperparameter, Node, OpError, OpType, Parts, TensorKind,
};

use super::rebatch::Rebatch;

/// Name of the hyperparameter.
const BATCH: &str = "batch";

/// Frees the leading extent that all inputs share, with that extent as default. Shapes baked into constants are
/// rewritten; if the graph still does not follow another batch it stays as it is, and a warning says why.
pub(super) fn free(graph: Graph, warnings: &mut Vec<String>) -> Graph {
    let Some(batch) = leading_extent(&graph) else { return graph };
    let freed = graph.bind(&Config::new()).map_err(|e| e.to_string()).and_then(|bound| {
        let parts = rewrite(&graph, &bound, batch)?;
        verify(Graph::new(parts).map_err(|e| e.to_string())?, &bound, batch)
    });
    freed.unwrap_or_else(|why| {
        warnings.push(format!("the batch stays fixed at {batch}: {why}"));
        graph
    })
}

fn leading_extent(graph: &Graph) -> Option<u64> {
    let leading = |id: &tachograph_ir::TensorId| match graph.tensor(*id).dims.as_ref()?.first()? {
        Dim::Fixed(n) => Some(*n),
        Dim::Free(_) => None,
    };
    let first = graph.inputs().first().and_then(leading).filter(|&n| n > 0)?;
    let shared = graph.inputs().iter().all(|id| leading(id) == Some(first));
    (shared && graph.hyperparameters().is_empty()).then_some(first)
}

/// Infers the graph at three times the batch, node by node, rewriting nodes that insist on the old one.
fn rewrite(graph: &Graph, bound: &Concrete, batch: u64) -> Result<Parts, String> {
    let mut parts = graph.clone().into_parts();
    let nodes = std::mem::take(&mut parts.nodes);
    let mut facts: Vec<Fact> =
        graph.tensors().iter().map(|t| Fact::unknown(t.dtype.unwrap_or(tachograph_ir::DType::F32))).collect();
    for (i, tensor) in parts.tensors.iter_mut().enumerate() {
        match tensor.kind {
            TensorKind::Activation | TensorKind::Gradient => tensor.dims = None,
            _ => facts[i] = bound.fact(tachograph_ir::TensorId(i as u32)).clone(),
        }
    }
    for id in &parts.inputs {
        if let (Some(dims), Some(shape)) = (&mut parts.tensors[id.index()].dims, &mut facts[id.index()].shape) {
            dims[0] = Dim::Free(BATCH.into());
            shape[0] = shape[0].checked_mul(3).ok_or("it is too large")?;
        }
    }
    let default = Some(batch);
    parts.hyperparameters.insert(BATCH.into(), Hyperparameter { domain: Domain::POSITIVE, default });
    let mut rebatch = Rebatch { bound, facts, parts };
    for mut node in nodes {
        if !node.outputs.iter().flatten().all(|&id| bound.fact(id).constant) {
            rebatch.adapt(&mut node);
        }
        rebatch.push(node)?;
    }
    Ok(rebatch.parts)
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

/// The default must give the shapes of the file, and twice the batch twice the results.
fn verify(graph: Graph, bound: &Concrete, batch: u64) -> Result<Graph, String> {
    let bind = |n: u64| graph.bind(&Config::from([(BATCH.into(), n)])).map_err(|e| e.to_string());
    let (same, twice) = (bind(batch)?, bind(batch.checked_mul(2).ok_or("it is too large")?)?);
    for (i, tensor) in bound.graph().tensors().iter().enumerate() {
        let id = tachograph_ir::TensorId(i as u32);
        if same.shape(id) != bound.shape(id) {
            return Err(format!("the shape of `{}` would need what the file declares", tensor.name));
        }
    }
    for &id in graph.outputs() {
        let leading = |b: &Concrete| b.shape(id).and_then(|s| s.first().copied());
        if leading(&same).and_then(|n| n.checked_mul(2)) != leading(&twice) || leading(&twice).is_none() {
            return Err(format!("output `{}` does not follow it", graph.tensor(id).name));
        }
    }
    Ok(graph)
}
