//! Fused kernels by kind.

use std::collections::{BTreeMap, HashSet};

use tachograph_ir::{BoundGraph, Class, FusionGroup, FusionRule, NodeId};

use crate::{Error, Result};

/// Number, operations and bytes of the kernels of each kind in a network. A kind is its operators in order, joined by
/// `+`; a convolution with several groups has `Grouped` before its name. Bytes are those that enter a kernel or leave it.
///
/// # Errors
/// Costs that cannot be computed.
pub fn kernels(bound: &BoundGraph, rule: &FusionRule) -> Result<BTreeMap<String, [f64; 3]>> {
    let mut kinds: BTreeMap<String, [f64; 3]> = BTreeMap::new();
    for group in bound.fuse(rule) {
        let (flops, bytes) = cost(bound, &group)?;
        if flops == 0.0 && bytes == 0.0 {
            continue; // Views.
        }
        let names: Vec<String> = group.nodes.iter().map(|&id| name(bound, id)).collect();
        let sums = kinds.entry(names.join("+")).or_default();
        sums.iter_mut().zip([1.0, flops, bytes]).for_each(|(sum, value)| *sum += value);
    }
    Ok(kinds)
}

fn name(bound: &BoundGraph, id: NodeId) -> String {
    let node = bound.graph().node(id);
    let grouped = node.class() == Class::GroupedConvolution;
    format!("{}{}", if grouped { "Grouped" } else { "" }, node.op)
}

/// Operations, and bytes across the border of the kernel.
fn cost(bound: &BoundGraph, group: &FusionGroup) -> Result<(f64, f64)> {
    let graph = bound.graph();
    let own: HashSet<_> = group.nodes.iter().flat_map(|&id| graph.node(id).outputs.iter().flatten()).collect();
    let (mut flops, mut bytes) = (0.0, 0.0);
    for &id in &group.nodes {
        let cost = bound.node_cost(id).map_err(|source| Error::Graph { graph: graph.name().to_owned(), source })?;
        flops += cost.flops as f64;
        if cost.bytes() == 0 {
            continue;
        }
        let operands = graph.node(id).inputs.iter().flatten().filter(|t| !own.contains(t));
        bytes += operands.filter_map(|&t| bound.fact(t).bytes()).map(|n| n as f64).sum::<f64>();
        if group.nodes.last() == Some(&id) {
            bytes += cost.written as f64;
        }
    }
    Ok((flops, bytes))
}
