//! The graph under construction: tensors of the file by their index, then nodes.

use std::{cell::RefCell, collections::HashSet, rc::Rc};

use tachograph_ir::{Attrs, DType, Dim, Node, OpType, Parts, Phase, Tensor, TensorId, TensorKind, Value};

use super::{
    codes,
    options::Options,
    schema::{Model, Operator},
    tensors::Info,
};
use crate::{Error, Result};

/// An operator with its operands checked.
pub(super) struct Op<'a> {
    pub inputs: Vec<Option<usize>>,
    pub outputs: Vec<usize>,
    pub options: Options<'a>,
    /// Settings of a custom operator.
    pub custom: &'a [u8],
}

impl Op<'_> {
    /// Index of the operand at `i`.
    pub fn input(&self, i: usize) -> Result<usize, String> {
        self.optional(i).ok_or_else(|| format!("operand {i} is missing"))
    }

    /// Index of the operand at `i`, if it is not left out.
    pub fn optional(&self, i: usize) -> Option<usize> {
        self.inputs.get(i).copied().flatten()
    }

    /// Index of the result at `i`.
    pub fn output(&self, i: usize) -> Result<usize, String> {
        self.outputs.get(i).copied().ok_or_else(|| format!("result {i} is missing"))
    }
}

pub(super) struct Importer<'a> {
    pub file: String,
    pub model: Model<'a>,
    /// Numbers of the graphs that are being read, the first one outermost.
    pub nesting: Vec<usize>,
    /// Numbers of all graphs read so far, once for each reading.
    pub reached: Rc<RefCell<Vec<usize>>>,
    pub parts: Parts,
    pub infos: Vec<Info<'a>>,
    /// Extent that the file has for the open batch of its inputs.
    pub batch: Option<u64>,
}

impl<'a> Importer<'a> {
    /// Tensors, inputs and outputs of the graph that `nesting` ends with.
    pub fn new(file: &str, model: Model<'a>, nesting: Vec<usize>, reached: Rc<RefCell<Vec<usize>>>) -> Result<Self> {
        let kind = |message: &str| Error::Kind { file: file.into(), message: message.into() };
        let number = nesting.last().copied().unwrap_or_default();
        let graphs = model.graphs().filter(|graphs| number < graphs.len());
        let graph = graphs.map(|graphs| graphs.get(number)).ok_or_else(|| match number {
            0 => kind("it has no graph"),
            _ => kind(&format!("it has no graph {number}")),
        })?;
        let parts = Parts { name: file.into(), ..Parts::default() };
        let mut importer = Self { file: file.into(), model, nesting, reached, parts, infos: Vec::new(), batch: None };
        let indices = |list: Option<flatbuffers::Vector<'a, i32>>| -> Vec<i32> { list.into_iter().flatten().collect() };
        let (inputs, outputs) = (indices(graph.inputs()), indices(graph.outputs()));
        for (i, tensor) in graph.tensors().into_iter().flatten().enumerate() {
            importer.tensor(i, &tensor, inputs.contains(&(i as i32)))?;
        }
        let check = |list: Vec<i32>, what: &str| -> Result<Vec<TensorId>> {
            let id = |i: i32| u32::try_from(i).ok().filter(|&i| (i as usize) < importer.infos.len()).map(TensorId);
            let ids = list.into_iter().map(|i| id(i).ok_or_else(|| kind(&format!("{what}: no tensor {i}"))));
            ids.collect()
        };
        let (inputs, outputs) = (check(inputs, "inputs")?, check(outputs, "outputs")?);
        let open = inputs.iter().map(|t| &importer.infos[t.index()]).find(|info| info.open_batch());
        importer.batch = open.and_then(|info| info.shape.first().copied());
        (importer.parts.inputs, importer.parts.outputs) = (inputs, outputs);
        Ok(importer)
    }

    /// Operators of the graph, as the file has them.
    pub fn operators(&self) -> impl Iterator<Item = Operator<'a>> + use<'a> {
        let number = self.nesting.last().copied().unwrap_or_default();
        let graph = self.model.graphs().filter(|graphs| number < graphs.len()).map(|graphs| graphs.get(number));
        graph.and_then(|graph| graph.operators()).into_iter().flatten()
    }

    /// Name and checked operands of the operator at `i`.
    pub fn operator(&self, i: usize, operator: Operator<'a>) -> Result<(String, Op<'a>)> {
        let refuse = |message| Error::Node { file: self.file.clone(), node: i.to_string(), message };
        let index = operator.code() as usize;
        let code = self.model.codes().filter(|codes| index < codes.len()).map(|codes| codes.get(index));
        let code = code.ok_or_else(|| refuse(format!("no operator code {index}")))?;
        // Codes beyond 127 are in the later field, all others may be in the early one alone.
        let number = code.code().unwrap_or(0).max(code.early().unwrap_or(0).into());
        let name = match codes::name(number) {
            Some("CUSTOM") => code.custom().unwrap_or("CUSTOM").to_owned(),
            Some(name) => name.to_owned(),
            None => format!("BUILTIN_{number}"),
        };
        let known = |i: i32| usize::try_from(i).ok().filter(|&i| i < self.infos.len());
        let operand = |i: i32| if i == -1 { Ok(None) } else { known(i).map(Some).ok_or(i) };
        let inputs: Result<_, i32> = operator.inputs().into_iter().flatten().map(operand).collect();
        let outputs: Result<_, i32> = operator.outputs().into_iter().flatten().map(|i| known(i).ok_or(i)).collect();
        let missing = |i: i32| refuse(format!("no tensor {i}"));
        let (inputs, outputs) = (inputs.map_err(missing)?, outputs.map_err(missing)?);
        Ok((name, Op { inputs, outputs, options: operator.options(), custom: operator.custom() }))
    }

    pub fn info(&self, i: usize) -> &Info<'a> {
        &self.infos[i]
    }

    /// Number of axes.
    pub fn rank(&self, i: usize) -> usize {
        self.infos[i].shape.len()
    }

    /// Declares tensor `i`, if it is constant, as a weight of this shape.
    pub fn weight(&mut self, i: usize, shape: Option<&[u64]>) -> TensorId {
        let tensor = &mut self.parts.tensors[i];
        if matches!(tensor.kind, TensorKind::Parameter | TensorKind::Constant) {
            (tensor.kind, tensor.value) = (TensorKind::Parameter, None);
            if let Some(shape) = shape {
                tensor.dims = Some(shape.iter().map(|&n| Dim::Fixed(n)).collect());
            }
        }
        id(i)
    }

    /// Whether nobody writes tensor `i`.
    pub fn is_constant(&self, i: usize) -> bool {
        matches!(self.parts.tensors[i].kind, TensorKind::Parameter | TensorKind::Constant)
    }

    pub fn push(&mut self, tensor: Tensor) -> TensorId {
        self.parts.tensors.push(tensor);
        TensorId(self.parts.tensors.len() as u32 - 1)
    }

    /// A tensor that the file does not have.
    pub fn temporary(&mut self) -> TensorId {
        self.push(Tensor::activation(""))
    }

    /// A 1-D constant of integers.
    pub fn ints(&mut self, values: Vec<i64>) -> TensorId {
        let shape = [values.len() as u64];
        self.push(Tensor::constant("", DType::I64, &shape, Value::Ints(values)))
    }

    /// A scalar constant.
    pub fn scalar(&mut self, dtype: DType, value: Value) -> TensorId {
        self.push(Tensor::constant("", dtype, &[], value))
    }

    /// A node; it is called what its first result is called.
    pub fn node(&mut self, op: OpType, inputs: Vec<Option<TensorId>>, attrs: Attrs, outputs: Vec<TensorId>) {
        let first = outputs.first().map(|t| t.index()).and_then(|i| self.infos.get(i));
        let name = first.map(|info| info.name.clone()).unwrap_or_default();
        let outputs = outputs.into_iter().map(Some).collect();
        self.parts.nodes.push(Node { name, op, attrs, inputs, outputs, phase: Phase::Forward });
    }

    /// A node with one result, `output`.
    pub fn emit(&mut self, op: &str, inputs: &[TensorId], attrs: Attrs, output: TensorId) {
        self.node(OpType::new(op), inputs.iter().copied().map(Some).collect(), attrs, vec![output]);
    }

    /// A node with one result that the file does not have.
    pub fn derive(&mut self, op: &str, inputs: &[TensorId], attrs: Attrs) -> TensorId {
        let output = self.temporary();
        self.emit(op, inputs, attrs, output);
        output
    }

    /// What nodes write, so far.
    pub fn written(&self) -> HashSet<TensorId> {
        self.parts.nodes.iter().flat_map(|n| n.outputs.iter().flatten().copied()).collect()
    }

    /// The parts. What is read and nobody writes (scratch tensors, empty constants) is a parameter.
    pub fn finish(mut self) -> Parts {
        let written = self.written();
        for (i, tensor) in self.parts.tensors.iter_mut().enumerate() {
            if tensor.kind == TensorKind::Activation && !written.contains(&id(i)) {
                tensor.kind = TensorKind::Parameter;
            }
        }
        self.parts
    }
}

/// The tensor at index `i` of the file.
pub(super) fn id(i: usize) -> TensorId {
    TensorId(i as u32)
}
