//! Files bound to what they were not exported for.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use tachograph_ir::{Assignment, Graph};

/// Multiply–accumulates grow with the batch, parameters do not.
pub fn follows(graph: &Graph, config: &Assignment, batch: u64) -> Result<()> {
    let bind = |n| graph.bind(&config.iter().map(|(k, v)| (k.clone(), *v)).chain([("batch".into(), n)]).collect());
    let (one, many) = (bind(1)?.cost()?, bind(batch)?.cost()?);
    let fits = one.macs.checked_mul(batch) == Some(many.macs) && one.parameters == many.parameters;
    ensure!(fits, "{} MACs, {} parameters; at batch 1 {}, {}", many.macs, many.parameters, one.macs, one.parameters);
    Ok(())
}

/// `NAME__SIZE` files of other sizes beside this one: what binding this graph to their size gives. A graph that refuses
/// is fine, one that binds to another cost is not.
pub fn sisters(path: &Path, graph: &Graph) -> Result<Vec<(String, Result<String>)>> {
    let own = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some((stem, _)) = own.rsplit_once("__") else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in path.parent().context("has no folder")?.read_dir()? {
        let other = entry?.path();
        let name = other.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let size = name.strip_prefix(stem).and_then(|s| s.strip_prefix("__")?.strip_suffix(".onnx.gz")?.parse().ok());
        if let Some(size) = size.filter(|_| name != own) {
            found.push((name, as_sister(graph, &other, size)));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

fn as_sister(graph: &Graph, path: &Path, size: u64) -> Result<String> {
    let bound = match graph.bind(&[("height".into(), size), ("width".into(), size)].into()) {
        Ok(bound) => bound,
        Err(error) => return Ok(format!("refused: {error}")),
    };
    let sister = tachograph_import::load(path)?.graph.bind(&Assignment::new())?;
    let (ours, theirs) = (bound.cost()?, sister.cost()?);
    let fits = (ours.macs, ours.parameters) == (theirs.macs, theirs.parameters);
    ensure!(fits, "{} MACs, {} parameters, not {}, {}", ours.macs, ours.parameters, theirs.macs, theirs.parameters);
    Ok("equal".into())
}
