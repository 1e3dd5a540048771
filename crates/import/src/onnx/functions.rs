//! Inlining of the functions that a model defines.

use std::collections::HashMap;

use super::{
    body,
    proto::{AttributeProto, FunctionProto, NodeProto},
};

/// Most nodes that inlining may produce; calls beyond stay calls.
const MAX_NODES: usize = 1 << 20;
/// Deepest nesting of calls; functions must not be recursive, but files can be wrong.
const MAX_DEPTH: usize = 32;

/// Replaces calls of `functions` by their bodies, in place of the call. Calls that cannot be inlined remain.
pub(super) fn inline(nodes: Vec<NodeProto>, functions: &[FunctionProto]) -> Vec<NodeProto> {
    if functions.is_empty() {
        return nodes;
    }
    let by_name = functions.iter().map(|f| ((f.domain.as_str(), f.name.as_str()), f)).collect();
    let mut inliner = Inliner { functions: by_name, calls: 0, nodes: Vec::with_capacity(nodes.len()) };
    nodes.into_iter().for_each(|node| inliner.push(node, 0));
    inliner.nodes
}

struct Inliner<'a> {
    functions: HashMap<(&'a str, &'a str), &'a FunctionProto>,
    calls: usize,
    nodes: Vec<NodeProto>,
}

impl Inliner<'_> {
    fn push(&mut self, node: NodeProto, depth: usize) {
        let function = self.functions.get(&(node.domain.as_str(), node.op_type.as_str())).copied();
        match function {
            Some(f) if depth < MAX_DEPTH && self.nodes.len() + f.node.len() <= MAX_NODES && self.calls < MAX_NODES => {
                self.calls += 1;
                let prefix =
                    format!("{}#{}/", if node.name.is_empty() { &node.op_type } else { &node.name }, self.calls);
                for inner in &f.node {
                    self.push(instance(inner, f, &node, &prefix), depth + 1);
                }
            }
            _ => self.nodes.push(self.inner(node)),
        }
    }

    /// The node with the calls inside its bodies inlined.
    fn inner(&self, mut node: NodeProto) -> NodeProto {
        for body in node.attribute.iter_mut().filter_map(|a| a.g.as_deref_mut()) {
            let functions = self.functions.clone();
            let mut inliner = Inliner { functions, calls: self.calls, nodes: Vec::with_capacity(body.node.len()) };
            std::mem::take(&mut body.node).into_iter().for_each(|node| inliner.push(node, 0));
            body.node = inliner.nodes;
        }
        node
    }
}

/// A node of a function's body as this call has it: names of its own, operands and attributes of the call.
fn instance(inner: &NodeProto, function: &FunctionProto, call: &NodeProto, prefix: &str) -> NodeProto {
    let rename = |name: &String| {
        let at = |formal: &[String], actual: &[String]| {
            formal.iter().position(|f| f == name).map(|i| actual.get(i).cloned().unwrap_or_default())
        };
        match name.as_str() {
            "" => String::new(),
            _ => at(&function.input, &call.input)
                .or_else(|| at(&function.output, &call.output).filter(|actual| !actual.is_empty()))
                .unwrap_or_else(|| format!("{prefix}{name}")),
        }
    };
    let resolve = |attribute: &AttributeProto| {
        if attribute.ref_attr_name.is_empty() {
            return Some(attribute.clone());
        }
        let referred = |a: &&AttributeProto| a.name == attribute.ref_attr_name;
        let value = call.attribute.iter().find(referred).or_else(|| function.attribute_proto.iter().find(referred));
        value.map(|v| AttributeProto { name: attribute.name.clone(), ..v.clone() })
    };
    let own = |attribute: &AttributeProto| {
        let mut attribute = resolve(attribute)?;
        attribute.g.as_deref_mut().into_iter().for_each(|body| body::rename(body, &rename));
        Some(attribute)
    };
    NodeProto {
        input: inner.input.iter().map(rename).collect(),
        output: inner.output.iter().map(rename).collect(),
        name: format!("{prefix}{}", inner.name),
        op_type: inner.op_type.clone(),
        attribute: inner.attribute.iter().filter_map(own).collect(),
        domain: inner.domain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(op: &str, domain: &str, input: &[&str], output: &[&str]) -> NodeProto {
        let names = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
        let (input, output) = (names(input), names(output));
        NodeProto { op_type: op.into(), domain: domain.into(), input, output, ..NodeProto::default() }
    }

    fn function(name: &str, body: Vec<NodeProto>) -> FunctionProto {
        let (input, output) = (vec!["a".into()], vec!["b".into()]);
        FunctionProto { name: name.into(), domain: "f".into(), input, output, node: body, ..FunctionProto::default() }
    }

    #[test]
    fn nested_calls_get_names_of_their_own() {
        let inner = function("inner", vec![node("Relu", "", &["a"], &["t"]), node("Neg", "", &["t"], &["b"])]);
        let outer = function("outer", vec![node("inner", "f", &["a"], &["t"]), node("inner", "f", &["t"], &["b"])]);
        let nodes = inline(vec![node("outer", "f", &["x"], &["y"])], &[inner, outer]);
        let ops: Vec<_> = nodes.iter().map(|n| n.op_type.as_str()).collect();
        assert_eq!(ops, ["Relu", "Neg", "Relu", "Neg"]);
        assert_eq!((nodes[0].input[0].as_str(), nodes[3].output[0].as_str()), ("x", "y"));
        for pair in nodes.windows(2) {
            assert_eq!(pair[0].output, pair[1].input);
        }
    }

    #[test]
    fn attributes_come_from_the_call_or_the_default() {
        let refer = |name: &str| AttributeProto { name: name.into(), ref_attr_name: "r".into(), ..Default::default() };
        let set = |i| AttributeProto { name: "r".into(), i: Some(i), ..Default::default() };
        let mut body = node("Softmax", "", &["a"], &["b"]);
        body.attribute = vec![refer("axis")];
        let f = FunctionProto { attribute_proto: vec![set(7)], ..function("f", vec![body]) };
        let call = |attribute| NodeProto { attribute, ..node("f", "f", &["x"], &["y"]) };
        let nodes = inline(vec![call(vec![]), call(vec![set(3)])], &[f]);
        let axes: Vec<_> = nodes.iter().map(|n| (n.attribute[0].name.as_str(), n.attribute[0].i)).collect();
        assert_eq!(axes, [("axis", Some(7)), ("axis", Some(3))]);
    }

    #[test]
    fn recursion_and_explosion_end() {
        let recursive = function("r", vec![node("r", "f", &["a"], &["b"])]);
        assert_eq!(inline(vec![node("r", "f", &["x"], &["y"])], &[recursive]).len(), 1);
        let bomb = |i: usize| function(&format!("f{i}"), vec![node(&format!("f{}", i + 1), "f", &["a"], &["t"]); 8]);
        let bombs: Vec<_> = (0..30).map(bomb).collect();
        assert!(inline(vec![node("f0", "f", &["x"], &["y"])], &bombs).len() <= 8 * MAX_NODES);
    }
}
