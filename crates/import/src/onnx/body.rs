//! Graphs inside attributes: what they take from the graph around them.

use std::collections::HashSet;

use super::proto::{GraphProto, NodeProto};

/// Bodies of a node.
pub(super) fn bodies(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute.iter().filter_map(|a| a.g.as_deref())
}

/// Names that the bodies of a node read and do not define, in order of first mention.
pub(super) fn captured(node: &NodeProto) -> Vec<&str> {
    let mut names = Vec::new();
    bodies(node).for_each(|body| outer(body, &mut names));
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(*name));
    names
}

fn outer<'a>(body: &'a GraphProto, names: &mut Vec<&'a str>) {
    let own = defined(body);
    for node in &body.node {
        let inner = captured(node);
        names.extend(node.input.iter().map(String::as_str).chain(inner).filter(|n| !n.is_empty() && !own.contains(n)));
    }
    names.extend(body.output.iter().map(|o| o.name.as_str()).filter(|n| !own.contains(n)));
}

fn defined(body: &GraphProto) -> HashSet<&str> {
    let stored = body.initializer.iter().map(|t| t.name.as_str());
    let sparse = body.sparse_initializer.iter().filter_map(|t| Some(t.values.as_ref()?.name.as_str()));
    let given = body.input.iter().map(|i| i.name.as_str());
    let written = body.node.iter().flat_map(|n| &n.output).map(String::as_str);
    stored.chain(sparse).chain(given).chain(written).collect()
}

/// Renames what a body takes from outside, where the graph around it is itself renamed.
pub(super) fn rename(body: &mut GraphProto, new: &dyn Fn(&String) -> String) {
    let own: HashSet<String> = defined(body).into_iter().map(str::to_owned).collect();
    let outside = |name: &String| if own.contains(name) { name.clone() } else { new(name) };
    for node in &mut body.node {
        node.input.iter_mut().for_each(|name| *name = outside(name));
        node.attribute.iter_mut().filter_map(|a| a.g.as_deref_mut()).for_each(|g| rename(g, &outside));
    }
    body.output.iter_mut().for_each(|o| o.name = outside(&o.name));
}
