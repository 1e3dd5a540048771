//! From the messages of a file to the parts of a graph.

use std::collections::HashSet;

use tachograph_ir::{
    Attr, Attrs, DType, Dim, Domain, Graph, Hyperparameter, Node, OpType, Parts, Phase, Tensor, TensorKind, Value,
    attrs, elements,
};

use super::{
    attribute::{Attribute, convert},
    body, domains,
    names::Names,
    opset,
    proto::{
        Dimension, GraphProto, NodeProto, TensorProto, TypeProto, TypeProtoElement, TypeProtoTensor, ValueInfoProto,
    },
    tensor,
    weights::{Uses, parameter_inputs},
};
use crate::{Error, Result};

/// Reads the parts of a graph, which are not validated yet, and adds to the warnings. A body has `captured` names as
/// inputs after its own, and all its inputs get their shapes from the node.
pub(super) fn parts(
    file: &str,
    opset: i64,
    graph: &GraphProto,
    captured: Option<&[&str]>,
    warnings: &mut Vec<String>,
) -> Result<Parts> {
    let parts = Parts { name: file.into(), ..Parts::default() };
    let uses = Uses::new(&graph.node);
    let parameters = if captured.is_none() { parameter_inputs(graph, &uses) } else { HashSet::new() };
    let computed = captured.is_some() || !parameters.is_empty() || !graph.initializer.is_empty();
    let shapes = || graph.input.iter().filter_map(|i| Given::of(i.r#type.as_ref()?)?.tensor.shape.as_ref());
    let symbols = shapes().flat_map(|s| &s.dim).filter_map(|d| d.dim_param.as_deref()).collect();
    let names = Names::default();
    let open_zero = captured.is_none() && open_zero(shapes().map(|s| &s.dim[..]));
    let block = domains::block(graph);
    let mut reader = Reader { computed, file, opset, block, uses, names, parts, warnings, symbols, open_zero };
    for tensor in &graph.initializer {
        reader.stored(&tensor.name, tensor)?;
    }
    for sparse in &graph.sparse_initializer {
        let dense = tensor::dense(sparse);
        reader.stored(&dense.name, &dense)?;
    }
    // Old files list initialisers among the inputs too.
    let sparse = graph.sparse_initializer.iter().filter_map(|t| Some(t.values.as_ref()?.name.as_str()));
    let stored: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).chain(sparse).collect();
    for input in graph.input.iter().filter(|i| !stored.contains(i.name.as_str())) {
        match captured {
            None => reader.input(input, parameters.contains(&input.name))?,
            Some(_) => reader.formal(&input.name)?,
        }
    }
    captured.into_iter().flatten().try_for_each(|name| reader.formal(name))?;
    let outputs: HashSet<&str> = graph.output.iter().map(|o| o.name.as_str()).collect();
    let used = graph.node.iter().flat_map(|n| &n.input).map(String::as_str).chain(outputs.iter().copied());
    let used = used.chain(graph.node.iter().flat_map(body::captured)).collect();
    for (place, node) in graph.node.iter().enumerate() {
        if !reader.vanishes(node, &outputs)? {
            reader.node(place, node, &used)?;
        }
    }
    for info in graph.value_info.iter().chain(&graph.output) {
        reader.declare(info);
    }
    let outputs = graph.output.iter().map(|o| reader.names.refer(&o.name)).collect();
    Ok(Parts { tensors: reader.names.tensors, outputs, ..reader.parts })
}

struct Reader<'a> {
    /// Weights are inputs or initialisers, so that what Constant nodes hold was computed.
    computed: bool,
    file: &'a str,
    opset: i64,
    /// Channels in a block, should there be any.
    block: i64,
    uses: Uses<'a>,
    names: Names,
    parts: Parts,
    warnings: &'a mut Vec<String>,
    /// Names that the file gives to free extents.
    symbols: HashSet<&'a str>,
    /// A leading extent of 0 is one that is not known.
    open_zero: bool,
}

/// What the type of an input says: a tensor, or a sequence of tensors, which may be left out.
struct Given<'a> {
    tensor: &'a TypeProtoTensor,
    sequence: bool,
    optional: bool,
}

impl<'a> Given<'a> {
    fn of(described: &'a TypeProto) -> Option<Self> {
        if let Some(tensor) = described.tensor_type.as_ref().or(described.sparse_tensor_type.as_ref()) {
            return Some(Self { tensor, sequence: false, optional: false });
        }
        let held = |held: &'a Option<Box<TypeProtoElement>>| Self::of(held.as_deref()?.elem_type.as_deref()?);
        match held(&described.sequence_type) {
            // A sequence of sequences has no place here.
            Some(item) => (!item.sequence && !item.optional).then_some(Self { sequence: true, ..item }),
            None => Some(Self { optional: true, ..held(&described.optional_type)? }),
        }
    }
}

/// True where every input is empty along its first axis alone: nobody exports a network for nothing, and some exporters
/// wrote 0 for a batch that is not known.
fn open_zero<'a>(mut shapes: impl Iterator<Item = &'a [Dimension]>) -> bool {
    let empty = |dim: &Dimension| dim.dim_value == Some(0);
    let mut any = false;
    let open = shapes.all(|dims| {
        any = true;
        matches!(dims, [first, rest @ ..] if empty(first) && !rest.is_empty() && !rest.iter().any(empty))
    });
    any && open
}

impl Reader<'_> {
    /// A tensor with elements in the file: a constant if its elements matter and can be read, else a weight.
    fn stored(&mut self, name: &str, proto: &TensorProto) -> Result<()> {
        let (dtype, shape) = tensor::declaration(proto).map_err(|e| self.refuse(name, e))?;
        let constant = self.uses.is_constant(name, dtype, &shape);
        let value = constant.then(|| tensor::value(proto, Value::MAX_ELEMENTS)).flatten();
        self.define(match value {
            Some(value) => Tensor::constant(name, dtype, &shape, value),
            None => Tensor::parameter(name, dtype, shape.into_iter().map(Dim::Fixed).collect()),
        })
    }

    fn define(&mut self, tensor: Tensor) -> Result<()> {
        let name = tensor.name.clone();
        self.names.define(tensor).map(drop).map_err(|e| self.refuse(&name, e))
    }

    fn input(&mut self, info: &ValueInfoProto, parameter: bool) -> Result<()> {
        let name = &info.name;
        let given = info.r#type.as_ref().and_then(Given::of);
        let (dtype, dims) = match &given {
            Some(given) => self.declaration(name, given.tensor).map_err(|e| self.refuse(name, e))?,
            None => {
                self.warnings.push(format!("input `{name}` is no tensor: its shape is unknown"));
                (DType::F32, None)
            }
        };
        let kind = if parameter { TensorKind::Parameter } else { TensorKind::Input };
        self.define(Tensor { kind, dims, ..Tensor::input(name, dtype, Vec::new()) })?;
        if !parameter {
            self.parts.inputs.push(self.names.refer(name));
        }
        let Some(given) = given else { return Ok(()) };
        if given.optional {
            self.warnings.push(format!("input `{name}` is optional, and taken as given"));
        }
        if given.sequence {
            self.sequence(name);
        }
        Ok(())
    }

    /// An input that is a sequence: as many tensors like the one that it declares as `NAME_length` is bound to.
    fn sequence(&mut self, name: &str) {
        let Dim::Free(length) = self.nameless(format!("{name}_length")) else { return };
        let attrs = attrs([("length", Attr::Free { name: length, repeat: 0 })]);
        let inputs = vec![self.names.get(name)];
        let outputs = vec![Some(self.names.cover(name, Tensor::activation(format!("{name}/sequence"))))];
        let (op, phase) = (OpType::new("SequenceInput"), Phase::Forward);
        self.parts.nodes.push(Node { name: name.into(), op, attrs, inputs, outputs, phase });
    }

    /// An input of a body, of which the node knows all there is to know.
    fn formal(&mut self, name: &str) -> Result<()> {
        self.define(Tensor { dims: None, dtype: None, ..Tensor::input(name, DType::F32, Vec::new()) })?;
        self.parts.inputs.push(self.names.refer(name));
        Ok(())
    }

    /// Type and extents of an input; each symbol becomes a hyperparameter, extents without one are named.
    fn declaration(&mut self, name: &str, tensor: &TypeProtoTensor) -> Result<(DType, Option<Vec<Dim>>), String> {
        let dtype =
            tensor::dtype(tensor.elem_type).ok_or_else(|| format!("unknown element type {}", tensor.elem_type))?;
        let Some(shape) = &tensor.shape else { return Ok((dtype, None)) };
        let mut dims = Vec::new();
        for (axis, dim) in shape.dim.iter().enumerate() {
            dims.push(match (dim.dim_value, dim.dim_param.as_deref()) {
                (Some(0), _) if axis == 0 && self.open_zero => self.nameless(format!("{name}_{axis}")),
                (Some(n @ 0..), _) => Dim::Fixed(n as u64),
                (None, Some(symbol)) if !symbol.is_empty() => self.free(symbol.into()),
                // Runtimes take a negative extent as one that is not known.
                _ => self.nameless(format!("{name}_{axis}")),
            });
        }
        let fixed: Vec<u64> = dims.iter().map(|d| if let Dim::Fixed(n) = d { *n } else { 1 }).collect();
        match elements(&fixed).and_then(|n| dtype.bytes(n)) {
            Some(_) => Ok((dtype, Some(dims))),
            None => Err(format!("size of shape {fixed:?} exceeds 64 bits")),
        }
    }

    /// A free extent that the file has no name for: none that another one has.
    fn nameless(&mut self, mut name: String) -> Dim {
        while self.parts.hyperparameters.contains_key(&name) || self.symbols.contains(name.as_str()) {
            name.push('_');
        }
        self.free(name)
    }

    /// A batch has at least one element; any other extent may be 0, such as that of a cache at the first token.
    fn free(&mut self, name: String) -> Dim {
        let batch = name == "N" || name.to_lowercase().contains("batch");
        let free = Hyperparameter { domain: if batch { Domain::POSITIVE } else { Domain::EXTENT }, default: None };
        self.parts.hyperparameters.entry(name.clone()).or_insert(free);
        Dim::Free(name)
    }

    /// True for nodes that are no operators here: constants, and further names of stored tensors.
    fn vanishes(&mut self, node: &NodeProto, outputs: &HashSet<&str>) -> Result<bool> {
        let Some(result) = node.output.first().filter(|_| matches!(node.domain.as_str(), "" | "ai.onnx")) else {
            return Ok(false);
        };
        match (node.op_type.as_str(), node.attribute.first(), node.input.first()) {
            ("Constant", Some(attribute), _) => {
                let dense = attribute.sparse_tensor.as_deref().map(tensor::dense);
                if let Some(tensor) = attribute.t.as_deref().or(dense.as_ref()) {
                    self.stored(result, tensor)?;
                    if let Some(id) = self.names.get(result).filter(|_| self.computed) {
                        self.names.tensors[id.index()].kind = TensorKind::Constant;
                    }
                    return Ok(true);
                }
                let Attribute::Plain(mut entries) = convert(attribute) else { return Ok(false) };
                let tensor = entries.pop().and_then(|(_, value)| self.constant(result, value));
                tensor.map_or(Ok(false), |tensor| self.define(tensor).map(|()| true))
            }
            ("ConstantOfShape", _, Some(shape)) => self.filled_weight(result, shape, node),
            ("Identity", _, Some(source)) if !outputs.contains(result.as_str()) => Ok(self.names.alias(result, source)),
            _ => Ok(false),
        }
    }

    /// Files stripped of their weights fill tensors of constant shapes instead: those are the weights.
    fn filled_weight(&mut self, name: &str, shape: &str, node: &NodeProto) -> Result<bool> {
        let fill =
            node.attribute.iter().find_map(|a| a.t.as_deref()).map_or(Some(DType::F32), |t| tensor::dtype(t.data_type));
        let shape = self.names.get(shape).and_then(|id| self.names.tensors[id.index()].value.as_ref()?.ints());
        let (Some(dtype), Some(shape)) = (fill, shape) else { return Ok(false) };
        let proto = TensorProto { data_type: tensor::code(dtype), dims: shape.to_vec(), ..TensorProto::default() };
        let (_, shape) = tensor::declaration(&proto).map_err(|e| self.refuse(name, e))?;
        if !dtype.is_float() || self.uses.is_constant(name, dtype, &shape) {
            return Ok(false);
        }
        self.define(Tensor::parameter(name, dtype, shape.into_iter().map(Dim::Fixed).collect())).map(|()| true)
    }

    /// The tensor of a Constant node that gives its elements as an attribute.
    fn constant(&self, name: &str, value: Attr) -> Option<Tensor> {
        let (dtype, scalar, value) = match value {
            Attr::Int(v) => (DType::I64, true, Value::Ints(vec![v])),
            Attr::Ints(v) => (DType::I64, false, Value::Ints(v)),
            Attr::Float(v) => (DType::F32, true, Value::Floats(vec![v])),
            Attr::Floats(v) => (DType::F32, false, Value::Floats(v)),
            _ => return None,
        };
        let shape = if scalar { vec![] } else { vec![value.len() as u64] };
        let small = value.len() <= Value::MAX_ELEMENTS && self.uses.is_constant(name, dtype, &shape);
        let tensor = Tensor::constant(name, dtype, &shape, value);
        Some(if small { tensor } else { Tensor { kind: TensorKind::Parameter, value: None, ..tensor } })
    }

    /// The bodies of a node as attributes, and their captures as operands. Loop and Scan say how many values they
    /// carry from trip to trip.
    fn bodies(&mut self, node: &mut Node, proto: &NodeProto) -> Result<()> {
        let captured = body::captured(proto);
        for attribute in &proto.attribute {
            let Some(inner) = attribute.g.as_deref() else { continue };
            let name = format!("{}/{}/{}", self.file, node.name, attribute.name);
            let parts = parts(self.file, self.opset, inner, Some(&captured), self.warnings)?;
            let graph = Graph::new(Parts { name: name.clone(), ..parts });
            let graph = graph.map_err(|source| Error::Graph { file: name, source })?;
            let formal = graph.inputs().len() - captured.len();
            let own = match node.attrs.get("num_scan_inputs") {
                _ if node.op.name() == "Loop" => 2,
                Some(Attr::Int(n)) => usize::try_from(*n).unwrap_or(0).min(formal),
                _ => 0,
            };
            if matches!(node.op.name(), "Loop" | "Scan") {
                let carried = formal.saturating_sub(own);
                node.inputs.resize(carried + own, None);
                node.attrs.insert("carried".into(), Attr::Int(carried as i64));
            }
            node.attrs.insert(attribute.name.clone(), Attr::Graph(Box::new(graph)));
        }
        node.inputs.extend(captured.iter().map(|name| Some(self.names.refer(name))));
        Ok(())
    }

    fn node(&mut self, place: usize, proto: &NodeProto, used: &HashSet<&str>) -> Result<()> {
        let op = OpType::with_domain(&proto.domain, &proto.op_type);
        let name = if proto.name.is_empty() { format!("{}_{place}", proto.op_type) } else { proto.name.clone() };
        let mut attrs = Attrs::new();
        for attribute in proto.attribute.iter().filter(|a| a.g.is_none()) {
            match convert(attribute) {
                Attribute::Plain(entries) => attrs.extend(entries),
                Attribute::Dropped(what) => self
                    .warnings
                    .push(format!("node `{name}` ({op}): attribute `{}` is dropped: it holds {what}", attribute.name)),
            }
        }
        let inputs = self.names.refer_all(&proto.input);
        let results = proto.output.len() - opset::unused_tail(proto, used);
        let outputs = self.names.refer_all(&proto.output[..results]);
        let mut node = Node { name, op, attrs, inputs, outputs, phase: Phase::Forward };
        domains::translate(&mut node, self.block);
        opset::normalise(&mut node, self.opset, &mut self.names);
        if body::bodies(proto).next().is_some() {
            self.bodies(&mut node, proto)?;
        }
        self.parts.nodes.push(node);
        Ok(())
    }

    /// Keeps the shape that the file claims for a result, if complete, for where inference gives up.
    fn declare(&mut self, info: &ValueInfoProto) {
        let tensor = info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
        let (Some(id), Some(tensor)) = (self.names.get(&info.name), tensor) else { return };
        let target = &mut self.names.tensors[id.index()];
        if target.kind == TensorKind::Activation {
            let extent = |d: &Dimension| u64::try_from(d.dim_value?).ok().map(Dim::Fixed);
            target.dtype = tensor::dtype(tensor.elem_type);
            target.dims = tensor.shape.as_ref().and_then(|s| s.dim.iter().map(extent).collect());
        }
    }

    fn refuse(&self, tensor: &str, message: String) -> Error {
        Error::Tensor { file: self.file.into(), tensor: tensor.into(), message }
    }
}
