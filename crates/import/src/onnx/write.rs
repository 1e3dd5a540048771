//! Graphs as ONNX models.

use std::collections::{BTreeSet, HashSet};

use prost::Message;
use tachograph_ir::{
    Assignment, DType, Dim, Graph, Hyperparameter, Node, OpType, Phase, Shape, Tensor, TensorId, TensorKind, Value,
    elements,
};

use super::{
    attribute,
    modern::modernise,
    proto::{
        Dimension, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorShapeProto, TypeProto, TypeProtoTensor,
        ValueInfoProto,
    },
    tensor,
    weights::is_module_name,
};
use crate::{Error, Result};

/// Standard operator set of written models: the first one with Gelu.
pub const OPSET: i64 = 20;
/// Version of the file format that goes with it.
const IR_VERSION: i64 = 9;

/// Writes a graph as an ONNX model of operator set [`OPSET`].
///
/// `weights` gives the elements of a parameter, row-major, to store in the file. Parameters that it has none for
/// become graph inputs after the real ones, with dotted names by which [`read`](super::read) knows them again.
/// Hyperparameters that are extents become symbols.
///
/// # Errors
/// A free attribute (bind the graph first), a node of a training step, a constant without elements, weights that
/// do not fit their tensor.
pub fn write(graph: &Graph, mut weights: impl FnMut(TensorId, &Tensor) -> Option<Vec<f32>>) -> Result<Vec<u8>> {
    let mut writer = Writer { graph, names: names(graph), proto: GraphProto::default() };
    writer.proto.name = if graph.name().is_empty() { "graph".into() } else { graph.name().into() };
    writer.proto.input = graph.inputs().iter().map(|&id| writer.info(id, graph.tensor(id))).collect();
    let operands = graph.nodes().flat_map(|(_, n)| n.inputs.iter().flatten());
    let used: HashSet<TensorId> = operands.chain(graph.outputs()).copied().collect();
    for (i, tensor) in graph.tensors().iter().enumerate() {
        let id = TensorId(i as u32);
        if used.contains(&id) && matches!(tensor.kind, TensorKind::Constant | TensorKind::Parameter) {
            writer.store(id, tensor, &mut weights)?;
        }
    }
    for (_, node) in graph.nodes() {
        let message = writer.node(node).map_err(|message| Error::Node {
            file: graph.name().into(),
            node: format!("`{}` ({})", node.name, node.op),
            message,
        })?;
        writer.proto.node.push(message);
    }
    writer.proto.output = writer.outputs();
    let domains: BTreeSet<&str> = writer.proto.node.iter().map(|n| n.domain.as_str()).collect();
    let version = |domain: &str| OperatorSetIdProto { domain: domain.into(), version: 1 };
    let mut opset_import = vec![OperatorSetIdProto { version: OPSET, ..version("") }];
    opset_import.extend(domains.into_iter().filter(|d| !d.is_empty()).map(version));
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "tachograph".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(writer.proto),
        opset_import,
        functions: Vec::new(),
    };
    Ok(model.encode_to_vec())
}

/// A name for each tensor: its own where it has one that no tensor before it has.
fn names(graph: &Graph) -> Vec<String> {
    let mut seen = HashSet::new();
    let name = |(i, tensor): (usize, &Tensor)| {
        let own = !tensor.name.is_empty() && seen.insert(tensor.name.clone());
        if own { tensor.name.clone() } else { format!("{}#{i}", tensor.name) }
    };
    graph.tensors().iter().enumerate().map(name).collect()
}

fn tensor_type(elem_type: i32, shape: Option<TensorShapeProto>) -> TypeProto {
    TypeProto { tensor_type: Some(TypeProtoTensor { elem_type, shape }), ..TypeProto::default() }
}

enum Stored<'a> {
    Value(&'a Value),
    Weights(Vec<f32>),
}

struct Writer<'a> {
    graph: &'a Graph,
    names: Vec<String>,
    proto: GraphProto,
}

impl Writer<'_> {
    /// Stores a constant or a weight, or lists the weight as an input.
    fn store(
        &mut self,
        id: TensorId,
        tensor: &Tensor,
        weights: &mut impl FnMut(TensorId, &Tensor) -> Option<Vec<f32>>,
    ) -> Result<()> {
        let name = &self.names[id.index()];
        let refuse = |message| Error::Tensor { file: self.graph.name().into(), tensor: name.clone(), message };
        let stored = match (&tensor.value, tensor.kind) {
            (Some(value), TensorKind::Constant) => Stored::Value(value),
            (None, TensorKind::Constant) => return Err(refuse("constant without elements".into())),
            _ => match weights(id, tensor) {
                Some(values) => Stored::Weights(values),
                None => {
                    let name = if is_module_name(name) { name.clone() } else { format!("weights.{name}_") };
                    self.names[id.index()] = name;
                    self.proto.input.push(self.info(id, tensor));
                    return Ok(());
                }
            },
        };
        let extents = tensor.dims.iter().flatten().map(|d| if let Dim::Fixed(n) = d { Some(*n) } else { None });
        let shape: Option<Shape> = extents.collect();
        let shape = shape.ok_or_else(|| refuse("a free extent: bind the graph".into()))?;
        let (length, dtype) = match &stored {
            Stored::Value(value) => (value.len(), tensor.dtype.unwrap_or(DType::I64)),
            Stored::Weights(values) => (values.len(), tensor.dtype.unwrap_or(DType::F32)),
        };
        if elements(&shape) != Some(length as u64) {
            return Err(refuse(format!("{length} elements do not fit shape {shape:?}")));
        }
        self.proto.initializer.push(match stored {
            Stored::Value(value) => tensor::message(name, dtype, &shape, value),
            Stored::Weights(values) => tensor::weight(name, dtype, &shape, values),
        });
        Ok(())
    }

    fn info(&self, id: TensorId, tensor: &Tensor) -> ValueInfoProto {
        let extent = |dim: &Dim| match dim {
            Dim::Fixed(n) => Dimension { dim_value: Some(*n as i64), dim_param: None },
            Dim::Free(name) => Dimension { dim_value: None, dim_param: Some(name.clone()) },
        };
        let shape = tensor.dims.as_ref().map(|dims| TensorShapeProto { dim: dims.iter().map(extent).collect() });
        let elem_type = tensor::code(tensor.dtype.unwrap_or(DType::F32));
        ValueInfoProto { name: self.names[id.index()].clone(), r#type: Some(tensor_type(elem_type, shape)) }
    }

    fn node(&mut self, node: &Node) -> Result<NodeProto, String> {
        if node.phase != Phase::Forward {
            return Err("belongs to a training step, which ONNX cannot express".into());
        }
        let names = |ids: &[Option<TensorId>]| -> Vec<String> {
            let last = ids.iter().rposition(Option::is_some).map_or(0, |i| i + 1);
            ids[..last].iter().map(|id| id.map(|id| self.names[id.index()].clone()).unwrap_or_default()).collect()
        };
        let (mut input, output, mut attrs) = (names(&node.inputs), names(&node.outputs), node.attrs.clone());
        let initializer = &mut self.proto.initializer;
        modernise(node.op.name(), &mut attrs, &mut input, output.len(), |what, shape, value| {
            let name = format!("{}/{what}#{}", node.name, initializer.len());
            let dtype = if matches!(value, Value::Ints(_)) { DType::I64 } else { DType::F32 };
            initializer.push(tensor::message(&name, dtype, shape, &value));
            name
        });
        let domain = match &node.op {
            OpType::Custom { domain, .. } => domain.clone(),
            OpType::Known(_, op) => op.domain(node).into(),
        };
        let attribute = attribute::messages(node.op.name(), &attrs)?;
        let (name, op_type, overload) = (node.name.clone(), node.op.name().into(), String::new());
        Ok(NodeProto { input, output, name, op_type, attribute, domain, overload })
    }

    /// Outputs with their types and ranks and, where no hyperparameter can decide them, their extents.
    fn outputs(&self) -> Vec<ValueInfoProto> {
        let free = self.graph.hyperparameters();
        let value = |h: &Hyperparameter| h.default.or(h.domain.get(0)).unwrap_or(1).max(1);
        let config: Assignment = free.iter().map(|(name, h)| (name.clone(), value(h))).collect();
        let bound = self.graph.bind(&config).ok();
        let extent = |&n: &u64| Dimension { dim_value: free.is_empty().then_some(n as i64), dim_param: None };
        let output = |&id: &TensorId| {
            let fact = bound.as_ref().map(|b| b.fact(id));
            let elem_type = tensor::code(fact.map(|f| f.dtype).or(self.graph.tensor(id).dtype).unwrap_or(DType::F32));
            let shape = fact.and_then(|f| f.shape.as_ref());
            let shape = shape.map(|s| TensorShapeProto { dim: s.iter().map(extent).collect() });
            ValueInfoProto { name: self.names[id.index()].clone(), r#type: Some(tensor_type(elem_type, shape)) }
        };
        self.graph.outputs().iter().map(output).collect()
    }
}
