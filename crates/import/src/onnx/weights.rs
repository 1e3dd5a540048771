//! Which tensors are weights: the format does not say.

use std::collections::{HashMap, HashSet};

use tachograph_ir::{Attrs, DType, Node, OpType, Phase, Role};

use super::{
    body,
    proto::{GraphProto, NodeProto, ValueInfoProto},
};

/// Floating-point vectors up to this length may be constants of the computation rather than weights.
const MAX_CONSTANT: u64 = 64;

/// In a place where an operator always has a weight.
const WEIGHT: u8 = 1;
/// As an operand of arithmetic that broadcasts or multiplies.
const ARITHMETIC: u8 = 2;
/// Anything else.
const OTHER: u8 = 4;

/// How the nodes of a graph use each tensor, looked at through operators that only rearrange it.
pub(super) struct Uses<'a>(HashMap<&'a str, u8>);

impl<'a> Uses<'a> {
    pub fn new(nodes: &'a [NodeProto]) -> Self {
        let mut uses = HashMap::new();
        for node in nodes.iter().rev() {
            for ((place, name), usage) in node.input.iter().enumerate().zip(usage(node)) {
                let through = node.output.first().filter(|_| place == 0 && rearranges(&node.op_type));
                let kind = through.and_then(|out| uses.get(out.as_str()).copied());
                *uses.entry(name.as_str()).or_insert(0) |= kind.unwrap_or(usage);
            }
            body::captured(node).into_iter().for_each(|name| *uses.entry(name).or_insert(0) |= OTHER);
        }
        Self(uses)
    }

    /// True for tensors whose elements matter to shapes or arithmetic, not to learning: integers, and
    /// floating-point scalars and vectors of at most 64 elements, unless an operator uses them as a weight,
    /// their name is that of a weight, or arithmetic uses more than one element (a bias, a scale).
    pub fn is_constant(&self, name: &str, dtype: DType, shape: &[u64]) -> bool {
        let uses = self.0.get(name).copied().unwrap_or(0);
        if uses & WEIGHT != 0 {
            return false;
        }
        let length = match shape {
            _ if !dtype.is_float() => return dtype.is_integer(),
            [] => 1,
            &[n] => n,
            _ => return false,
        };
        let scales = length > 1 && uses & ARITHMETIC != 0;
        length <= MAX_CONSTANT && !scales && !is_weight_name(name)
    }

    fn only_weight(&self, name: &str) -> bool {
        self.0.get(name) == Some(&WEIGHT)
    }
}

/// True for operators through which exporters lead a weight to where it is used. By name: other movements, such as
/// `Slice` or `Gather`, take parts of tables that may be constants.
fn rearranges(op: &str) -> bool {
    matches!(op, "Identity" | "Reshape" | "Squeeze" | "Unsqueeze" | "Transpose" | "Flatten" | "Cast" | "Expand")
}

/// How a node uses its operands, by the roles that its operator gives them.
fn usage(node: &NodeProto) -> Vec<u8> {
    let op = OpType::with_domain(&node.domain, &node.op_type);
    // Roles that depend on attributes are those of the standard form.
    let (name, phase) = (String::new(), Phase::Forward);
    let bare = Node { name, op, attrs: Attrs::new(), inputs: Vec::new(), outputs: Vec::new(), phase };
    let usage = |place| match bare.role(place) {
        role if role.is_learned() => WEIGHT,
        Role::Term | Role::Factor | Role::Matrix => ARITHMETIC,
        _ => OTHER,
    };
    (0..node.input.len()).map(usage).collect()
}

/// Names that PyTorch gives to what a module owns.
fn is_weight_name(name: &str) -> bool {
    let last = name.rsplit(['.', '/', ':']).next().unwrap_or(name);
    ["weight", "bias", "running_mean", "running_var", "gamma", "beta", "kernel", "gain", "scale"].contains(&last)
}

/// True for the dotted name of a module's tensor, such as `stem.conv.weight` (but not `input.1`).
pub(super) fn is_module_name(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, last)| last.parse::<u64>().is_err())
}

/// Inputs of the graph that are weights although no initialiser says so: exporters told to leave parameters
/// out list them after the real inputs. Those are, past the first input,
/// - what nodes use only as weights: operands after the first of Conv, Gemm, BatchNormalization and the like;
/// - what has the dotted name of a module's tensor, such as `stem.conv.weight`;
/// - where there are such, also floating-point inputs called `…token…`, `…embed…` or `…pos…`.
pub(super) fn parameter_inputs(graph: &GraphProto, uses: &Uses<'_>) -> HashSet<String> {
    let inputs = graph.input.get(1..).unwrap_or_default();
    let fixed = |i: &&ValueInfoProto| {
        let tensor = i.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
        let shape = tensor.and_then(|t| t.shape.as_ref());
        shape.is_some_and(|s| s.dim.iter().all(|d| d.dim_value.is_some()))
    };
    let named = |name: &str| ["token", "embed", "pos"].iter().any(|part| name.contains(part));
    let float = |i: &ValueInfoProto| {
        let tensor = i.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
        tensor.and_then(|t| super::tensor::dtype(t.elem_type)).is_some_and(DType::is_float)
    };
    let certain = |i: &&ValueInfoProto| is_module_name(&i.name) || uses.only_weight(&i.name);
    let inputs: Vec<_> = inputs.iter().filter(fixed).collect();
    if !inputs.iter().any(certain) {
        return HashSet::new();
    }
    let parameters = inputs.into_iter().filter(|i| certain(i) || (named(&i.name) && float(i)));
    parameters.map(|i| i.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(op: &str, input: &[&str], output: &str) -> NodeProto {
        let input = input.iter().map(|&name| name.into()).collect();
        NodeProto { op_type: op.into(), input, output: vec![output.into()], ..NodeProto::default() }
    }

    #[test]
    fn roles_tell_weights_from_constants() {
        let nodes = [
            node("FusedConv", &["x", "filter", "shift"], "y"),
            node("Clip", &["y", "low"], "z"),
            node("Add", &["z", "more"], "sum"),
            node("SkipLayerNormalization", &["sum", "y", "gain"], "out"),
        ];
        let uses = Uses::new(&nodes);
        assert!(["filter", "gain"].iter().all(|name| uses.only_weight(name)) && !uses.only_weight("y"));
        assert!(!uses.is_constant("shift", DType::F32, &[4]));
        assert!(uses.is_constant("low", DType::F32, &[]));
        assert!(uses.is_constant("more", DType::F32, &[1]) && !uses.is_constant("more", DType::F32, &[4]));
    }
}
