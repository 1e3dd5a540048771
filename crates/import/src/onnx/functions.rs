//! Inlining of the functions that a model defines.

use std::collections::HashMap;

use super::{
    body,
    proto::{AttributeProto, FunctionProto, NodeProto},
};
use crate::{Error, Result};

/// Nodes that inlining may produce: of a file that is all small functions, and for each node of a file beside that. What
/// exporters write grows tenfold.
const MAX_NODES: (usize, usize) = (1 << 16, 256);
/// Deepest nesting of calls; those of real models are a few deep.
const MAX_DEPTH: usize = 32;

/// Replaces calls of `functions` by their bodies, in place of the call.
///
/// # Errors
/// A function that calls itself, calls nested deeper than [`MAX_DEPTH`], or more nodes than [`MAX_NODES`] allow.
pub(super) fn inline(file: &str, nodes: Vec<NodeProto>, functions: &[FunctionProto]) -> Result<Vec<NodeProto>> {
    if functions.is_empty() {
        return Ok(nodes);
    }
    let functions: Functions<'_> = functions.iter().map(|f| ((&*f.domain, &*f.name, &*f.overload), f)).collect();
    let own: usize = functions.values().map(|f| f.node.len()).sum();
    let limit = nodes.len().saturating_add(own).saturating_mul(MAX_NODES.1).saturating_add(MAX_NODES.0);
    let mut sizes = Sizes { file, functions: &functions, known: HashMap::new() };
    let mut total = 0usize;
    for node in &nodes {
        total = total.saturating_add(sizes.node(node, 0)?);
        if total > limit {
            let message = format!("makes {total} nodes of the graph, where a file of this size may have {limit}");
            return Err(refuse(file, node, message));
        }
    }
    let mut inliner = Inliner { functions: &functions, calls: 0, nodes: Vec::with_capacity(total) };
    nodes.into_iter().for_each(|node| inliner.push(node));
    Ok(inliner.nodes)
}

/// By domain, name and overload.
type Functions<'a> = HashMap<(&'a str, &'a str, &'a str), &'a FunctionProto>;

fn called<'a>(functions: &Functions<'a>, node: &NodeProto) -> Option<&'a FunctionProto> {
    functions.get(&(&*node.domain, &*node.op_type, &*node.overload)).copied()
}

fn refuse(file: &str, call: &NodeProto, message: String) -> Error {
    let function = [call.domain.as_str(), call.op_type.as_str()].join("::");
    Error::Function { file: file.into(), function: function.trim_start_matches(':').into(), message }
}

/// How many nodes calls become.
struct Sizes<'a> {
    file: &'a str,
    functions: &'a Functions<'a>,
    /// By function; none while its own body is being counted.
    known: HashMap<*const FunctionProto, Option<usize>>,
}

impl Sizes<'_> {
    fn node(&mut self, node: &NodeProto, depth: usize) -> Result<usize> {
        let Some(function) = called(self.functions, node) else {
            let inner = body::bodies(node).flat_map(|body| &body.node);
            return inner.map(|node| self.node(node, depth)).try_fold(1, |n: usize, size| Ok(n.saturating_add(size?)));
        };
        match self.known.get(&std::ptr::from_ref(function)) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => return Err(refuse(self.file, node, "calls itself, which ONNX forbids".into())),
            None if depth >= MAX_DEPTH => {
                return Err(refuse(self.file, node, format!("is called from calls nested deeper than {MAX_DEPTH}")));
            }
            None => {}
        }
        self.known.insert(function, None);
        let mut size = 0usize;
        for inner in &function.node {
            size = size.saturating_add(self.node(inner, depth + 1)?);
        }
        self.known.insert(function, Some(size));
        Ok(size)
    }
}

struct Inliner<'a> {
    functions: &'a Functions<'a>,
    calls: usize,
    nodes: Vec<NodeProto>,
}

impl Inliner<'_> {
    fn push(&mut self, node: NodeProto) {
        let Some(function) = called(self.functions, &node) else {
            let node = self.inner(node);
            return self.nodes.push(node);
        };
        self.calls += 1;
        let prefix = format!("{}#{}/", if node.name.is_empty() { &node.op_type } else { &node.name }, self.calls);
        for inner in &function.node {
            self.push(instance(inner, function, &node, &prefix));
        }
    }

    /// The node with the calls inside its bodies inlined.
    fn inner(&mut self, mut node: NodeProto) -> NodeProto {
        for body in node.attribute.iter_mut().filter_map(|a| a.g.as_deref_mut()) {
            let outer = std::mem::take(&mut self.nodes);
            std::mem::take(&mut body.node).into_iter().for_each(|node| self.push(node));
            body.node = std::mem::replace(&mut self.nodes, outer);
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
        overload: inner.overload.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::proto::GraphProto, *};

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
        let nodes = inline("m", vec![node("outer", "f", &["x"], &["y"])], &[inner, outer]).unwrap();
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
        let nodes = inline("m", vec![call(vec![]), call(vec![set(3)])], &[f]).unwrap();
        let axes: Vec<_> = nodes.iter().map(|n| (n.attribute[0].name.as_str(), n.attribute[0].i)).collect();
        assert_eq!(axes, [("axis", Some(7)), ("axis", Some(3))]);
    }

    #[test]
    fn recursion_and_explosion_are_refused() {
        let refused = |functions: &[FunctionProto], call: &str| {
            inline("m", vec![node(call, "f", &["x"], &["y"])], functions).unwrap_err().to_string()
        };
        let recursive = function("r", vec![node("r", "f", &["a"], &["b"])]);
        assert_eq!(refused(&[recursive], "r"), "m: function `f::r` calls itself, which ONNX forbids");
        // Also through another one, and from a body.
        let mut branch = node("If", "", &["a"], &["b"]);
        let body = GraphProto { node: vec![node("there", "f", &["a"], &["b"])], ..GraphProto::default() };
        branch.attribute = vec![AttributeProto { g: Some(body.into()), ..AttributeProto::default() }];
        let mutual = [function("back", vec![branch]), function("there", vec![node("back", "f", &["a"], &["b"])])];
        assert_eq!(refused(&mutual, "there"), "m: function `f::there` calls itself, which ONNX forbids");
        let calls =
            |i: usize, n| function(&format!("f{i}"), vec![node(&format!("f{}", i + 1), "f", &["a"], &["t"]); n]);
        let bombs: Vec<_> = (0..30).map(|i| calls(i, 8)).collect();
        assert!(refused(&bombs, "f0").starts_with("m: function `f::f0` makes "), "{}", refused(&bombs, "f0"));
        let chain: Vec<_> = (0..100_000).map(|i| calls(i, 1)).collect();
        assert!(refused(&chain, "f0").contains("deeper than 32"));
    }
}
