//! The graph under construction: tensors of the file by their index, then nodes.

use std::{cell::RefCell, collections::HashSet, rc::Rc};

use tachograph_ir::{
    Attr, Attrs, DType, Dim, Domain, Hyperparameter, Node, OpType, Parts, Phase, Tensor, TensorId, TensorKind, Value,
    attrs, elements,
};

use super::{
    codes,
    schema::{Model, Operator, Options, Tensor as Stored},
};
use crate::{Error, Result};

/// Axes of (n, h, w, c) in the order n, c, h, w.
pub(super) const CHANNELS_FIRST: [usize; 4] = [0, 3, 1, 2];
/// Axes of (n, c, h, w) in the order n, h, w, c; also the position of a file's axis among ours.
pub(super) const CHANNELS_LAST: [usize; 4] = [0, 2, 3, 1];

/// A tensor as the file has it.
pub(super) struct Info<'a> {
    pub name: String,
    pub dtype: DType,
    /// In the order of the file.
    pub shape: Vec<u64>,
    /// Which extents are left open.
    pub open: Vec<bool>,
    pub data: Option<&'a [u8]>,
    /// Of quantisation, first channel.
    pub scale: f64,
}

impl Info<'_> {
    /// Whether the first extent is left open.
    pub fn open_batch(&self) -> bool {
        self.open.first() == Some(&true)
    }

    /// Whether an extent beyond the first is left open: there the stated shape holds nothing but a place.
    pub fn open_beyond(&self) -> bool {
        self.open.iter().skip(1).any(|&open| open)
    }
}

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
    infos: Vec<Info<'a>>,
    /// Extent that the file has for the open batch of its inputs.
    batch: Option<u64>,
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

    fn tensor(&mut self, i: usize, stored: &Stored<'a>, input: bool) -> Result<()> {
        let name = stored.name().unwrap_or_default().to_owned();
        let refuse =
            |message: String| Error::Tensor { file: self.file.clone(), tensor: format!("{name}#{i}"), message };
        let code = stored.element().unwrap_or(0);
        let dtype = dtype(code).ok_or_else(|| refuse(format!("element type {code} is unknown")))?;
        let extents: Vec<i32> = stored.shape().into_iter().flatten().collect();
        let shape: Option<Vec<u64>> = extents.iter().map(|&n| u64::try_from(n).ok()).collect();
        let shape = shape.ok_or_else(|| refuse(format!("shape {extents:?}")))?;
        let signature: Vec<i32> = stored.signature().into_iter().flatten().collect();
        let open: Vec<bool> = (0..shape.len()).map(|axis| signature.get(axis) == Some(&-1)).collect();
        let index = stored.buffer().unwrap_or(0) as usize;
        let buffers = self.model.buffers();
        let buffer = buffers.filter(|b| index < b.len()).map(|b| b.get(index));
        let buffer = buffer.ok_or_else(|| refuse(format!("no buffer {index}")))?;
        let data = buffer.data().map(|data| data.bytes()).filter(|data| !data.is_empty());
        let apart = buffer.offset().unwrap_or(0) > 1;
        let constant = data.is_some() || apart;
        // What one run leaves for the next: neither a weight nor what the caller provides.
        let state = stored.variable().unwrap_or(false) && !constant;
        let value = data.and_then(|data| value(dtype, &shape, data));
        let kind = match (constant, &value) {
            _ if input || state => TensorKind::Input,
            (true, Some(_)) => TensorKind::Constant,
            (true, None) => TensorKind::Parameter,
            (false, _) => TensorKind::Activation,
        };
        let mut dims: Vec<Dim> = shape.iter().map(|&n| Dim::Fixed(n)).collect();
        let outermost = self.nesting.len() == 1;
        if input && outermost {
            self.free(&mut dims, &open, &shape);
        }
        let dims = (input || state || constant || !open.contains(&true)).then(|| permuted(dims));
        let scale = stored.quantization().and_then(|q| q.scale()).and_then(|s| s.iter().next()).unwrap_or(1.0);
        self.infos.push(Info { name: name.clone(), dtype, shape, open, data, scale: scale.into() });
        self.parts.tensors.push(Tensor { name, kind, dtype: Some(dtype), dims, value });
        Ok(())
    }

    /// Open extents of an input become hyperparameters.
    fn free(&mut self, dims: &mut [Dim], open: &[bool], shape: &[u64]) {
        for (axis, dim) in dims.iter_mut().enumerate().filter(|(axis, _)| open[*axis]) {
            let name = match (axis, shape.len()) {
                (0, _) => "batch".to_owned(),
                (1, 4) => "height".to_owned(),
                (2, 4) => "width".to_owned(),
                _ => format!("dim{axis}"),
            };
            let domain = Domain::Range { min: 1, max: 1 << 20, step: 1 };
            // Beyond the batch, the file has 1 for what it does not know.
            let default = (axis == 0).then_some(shape[axis].max(1));
            self.parts.hyperparameters.insert(name.clone(), Hyperparameter { domain, default });
            *dim = Dim::Free(name);
        }
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

    /// Our axis for axis `axis` (negative: from the end) of tensor `i`.
    pub fn axis(&self, axis: i64, i: usize) -> Result<i64, String> {
        let rank = self.rank(i);
        let axis = if axis < 0 { axis + rank as i64 } else { axis };
        let axis = usize::try_from(axis).ok().filter(|&a| a < rank);
        let axis = axis.ok_or_else(|| format!("no such axis of {:?}", self.infos[i].shape))?;
        Ok(if rank == 4 { CHANNELS_LAST[axis] } else { axis } as i64)
    }

    /// Known integers of tensor `i`, in the order of the file.
    pub fn known(&self, i: usize) -> Option<Vec<i64>> {
        let info = self.infos.get(i)?;
        let empty = elements(&info.shape) == Some(0) && !self.written().contains(&id(i));
        match value(info.dtype, &info.shape, info.data.or(empty.then_some(&[]))?)? {
            Value::Ints(values) => Some(values),
            Value::Floats(_) => None,
        }
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

    /// True where (n, h, w, c) and (n, c, h, w) order the elements alike.
    pub fn trivial(&self, i: usize) -> bool {
        let info = &self.infos[i];
        !info.open_beyond() && matches!(info.shape[..], [_, h, w, c] if c == 1 || h.saturating_mul(w) == 1)
    }

    /// Declares result `i` as the file states it, since nothing else describes it. Where the signature leaves nothing
    /// open but the batch, and the file has for it what it has for that of the inputs, it follows theirs.
    pub fn state(&mut self, i: usize) {
        let info = &self.infos[i];
        if info.open_beyond() {
            return;
        }
        let mut dims: Vec<Dim> = info.shape.iter().map(|&n| Dim::Fixed(n)).collect();
        if info.open_batch() && self.batch.is_some() && self.batch == info.shape.first().copied() {
            dims[0] = Dim::Free("batch".into());
        }
        self.parts.tensors[i].dims = Some(permuted(dims));
    }

    /// Declares result `i` with these extents.
    pub fn declare(&mut self, i: usize, shape: &[u64]) {
        self.parts.tensors[i].dims = Some(permuted(shape.iter().map(|&n| Dim::Fixed(n)).collect()));
    }

    /// Which ONNX type result `i` has in the file, for operators that have it as an attribute.
    pub fn typed(&self, i: usize) -> Attr {
        Attr::Int(number(self.infos[i].dtype))
    }

    /// Tensor `i` with the axes of the file.
    pub fn file_order(&mut self, i: usize) -> TensorId {
        match self.infos[i].shape[..] {
            [_, h, w, c] if self.trivial(i) => {
                let shape = self.ints(vec![0, h as i64, w as i64, c as i64]);
                self.derive("Reshape", &[id(i), shape], Attrs::new())
            }
            [_, _, _, _] => self.derive("Transpose", &[id(i)], perm(CHANNELS_LAST)),
            _ => id(i),
        }
    }

    /// Where to write result `i` with the axes of the file; [`Importer::our_order`] then brings it to ours.
    pub fn file_result(&mut self, i: usize) -> TensorId {
        if self.rank(i) == 4 { self.temporary() } else { id(i) }
    }

    /// Completes result `i`, which `written` holds with the axes of the file.
    pub fn our_order(&mut self, i: usize, written: TensorId) {
        match self.infos[i].shape[..] {
            [_, h, w, c] if self.trivial(i) => {
                let shape = self.ints(vec![0, c as i64, h as i64, w as i64]);
                self.emit("Reshape", &[written, shape], Attrs::new(), id(i));
            }
            [_, _, _, _] => self.emit("Transpose", &[written], perm(CHANNELS_FIRST), id(i)),
            _ => {}
        }
    }

    /// What nodes write, so far.
    fn written(&self) -> HashSet<TensorId> {
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

/// ONNX's number of a type.
pub(super) fn number(dtype: DType) -> i64 {
    (0..32).find(|&code| DType::from_onnx(code) == Some(dtype)).unwrap_or(0)
}

/// The tensor at index `i` of the file.
pub(super) fn id(i: usize) -> TensorId {
    TensorId(i as u32)
}

fn perm(order: [usize; 4]) -> Attrs {
    attrs([("perm", Attr::Ints(order.map(|axis| axis as i64).to_vec()))])
}

/// Entries by axis of the file in our order of axes.
pub(super) fn permuted<T: Clone>(entries: Vec<T>) -> Vec<T> {
    if entries.len() == 4 { CHANNELS_FIRST.iter().map(|&axis| entries[axis].clone()).collect() } else { entries }
}

fn dtype(code: i8) -> Option<DType> {
    use DType::*;
    // Handles of resources and variants are numbers of 32 bits.
    const TYPES: [DType; 23] = [
        F32, F16, I32, U8, I64, String, Bool, I16, Complex64, I8, F64, Complex128, U64, I32, I32, U32, U16, I4, BF16, I4, U4,
        F8, F8,
    ];
    let dtype = usize::try_from(code).ok().and_then(|code| TYPES.get(code).copied());
    if code == 19 { DType::from_onnx(26).or(dtype) } else { dtype }
}

/// Elements that matter to shapes: small tensors of integers with fewer than four axes, and single numbers.
fn value(dtype: DType, shape: &[u64], data: &[u8]) -> Option<Value> {
    let count = elements(shape).filter(|&n| n <= Value::MAX_ELEMENTS as u64)?;
    let fits = |width: u64| Some(data.len() as u64) == count.checked_mul(width);
    let integers = shape.len() < 4;
    match dtype {
        DType::I32 if integers && fits(4) => {
            Some(Value::Ints(data.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b).into()).collect()))
        }
        DType::I64 if integers && fits(8) => {
            Some(Value::Ints(data.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect()))
        }
        DType::F32 if count == 1 && fits(4) && shape.len() < 2 => {
            Some(Value::Floats(data.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b).into()).collect()))
        }
        _ => None,
    }
}
