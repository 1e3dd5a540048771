//! Builds graphs in code, inferring shapes as it goes.

use std::borrow::Cow;

use crate::{
    Assignment, Attr, Attrs, Call, DType, Dim, Domain, Error, Fact, Graph, Hyperparameter, Node, OpError, OpType,
    Parts, Phase, Result, Tensor, TensorId, Value, attrs, bind::resolve,
};

/// Adds nodes one by one; every result's shape is known at once (under the default of each hyperparameter).
///
/// ```
/// use tachograph_ir::{Builder, Assignment, DType, Domain};
/// # fn main() -> tachograph_ir::Result<()> {
/// let mut b = Builder::new("tiny");
/// b.hyperparameter("batch", Domain::Range { min: 1, max: 256, step: 1 }, 1);
/// let x = b.input("x", DType::F32, vec!["batch".into(), 3.into(), 32.into(), 32.into()]);
/// let x = b.conv(x, 16, [3, 3], 1, 1, 1, true)?;
/// let x = b.op("Relu", &[x])?;
/// let graph = b.finish(&[x])?;
/// let bound = graph.bind(&Assignment::from([("batch".into(), 8)]))?;
/// assert_eq!(bound.shape(graph.outputs()[0]), Some(&[8, 16, 32, 32][..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Builder {
    parts: Parts,
    facts: Vec<Fact>,
    defaults: Assignment,
}

impl Builder {
    /// An empty graph.
    pub fn new(name: impl Into<String>) -> Self {
        Self { parts: Parts { name: name.into(), ..Parts::default() }, ..Self::default() }
    }

    /// Declares a hyperparameter; [`Dim::Free`] and [`Attr::Free`] refer to it by name.
    pub fn hyperparameter(&mut self, name: &str, domain: Domain, default: u64) {
        let hyperparameter = Hyperparameter { domain, default: Some(default) };
        self.parts.hyperparameters.insert(name.into(), hyperparameter);
        self.defaults.insert(name.into(), default);
    }

    /// An input of the graph.
    pub fn input(&mut self, name: &str, dtype: DType, dims: Vec<Dim>) -> TensorId {
        let id = self.tensor(Tensor::input(name, dtype, dims));
        self.parts.inputs.push(id);
        id
    }

    /// A weight of type f32.
    pub fn parameter(&mut self, shape: &[u64]) -> TensorId {
        let name = format!("w{}", self.parts.tensors.len());
        self.tensor(Tensor::parameter(name, DType::F32, shape.iter().map(|&n| n.into()).collect()))
    }

    /// A 1-D constant of type i64: axes, shapes, indices.
    pub fn ints(&mut self, values: &[i64]) -> TensorId {
        let name = format!("c{}", self.parts.tensors.len());
        let value = Value::Ints(values.to_vec());
        self.tensor(Tensor::constant(name, DType::I64, &[values.len() as u64], value))
    }

    /// A scalar constant of type f32.
    pub fn scalar(&mut self, value: f64) -> TensorId {
        let name = format!("c{}", self.parts.tensors.len());
        self.tensor(Tensor::constant(name, DType::F32, &[], Value::Floats(vec![value])))
    }

    /// Any tensor.
    pub fn tensor(&mut self, tensor: Tensor) -> TensorId {
        let dim = |d: &Dim| match d {
            Dim::Fixed(n) => *n,
            Dim::Free(name) => self.defaults.get(name).copied().unwrap_or(1),
        };
        let shape: Vec<u64> = tensor.dims.iter().flatten().map(dim).collect();
        let constant = tensor.kind != crate::TensorKind::Input;
        let fact = Fact::new(tensor.dtype.unwrap_or(DType::F32), shape).with_value(tensor.value.clone());
        self.facts.push(Fact { constant, ..fact });
        self.parts.tensors.push(tensor);
        TensorId(self.parts.tensors.len() as u32 - 1)
    }

    /// Shape of a tensor under the default configuration.
    pub fn shape(&self, id: TensorId) -> &[u64] {
        self.facts[id.index()].shape.as_deref().unwrap_or_default()
    }

    /// A node without attributes and with one result.
    pub fn op(&mut self, op: &str, inputs: &[TensorId]) -> Result<TensorId> {
        self.op_with(op, inputs, Attrs::new())
    }

    /// A node with one result.
    pub fn op_with(&mut self, op: &str, inputs: &[TensorId], attrs: Attrs) -> Result<TensorId> {
        self.node(op, &inputs.iter().copied().map(Some).collect::<Vec<_>>(), attrs, 1).map(|ids| ids[0])
    }

    /// A node with any number of results and optional operands.
    ///
    /// # Errors
    /// The operator refuses its operands, is not registered, or its shapes cannot be known here.
    pub fn node(
        &mut self,
        op: &str,
        inputs: &[Option<TensorId>],
        attrs: Attrs,
        results: usize,
    ) -> Result<Vec<TensorId>> {
        let name = format!("{op}_{}", self.parts.nodes.len());
        let op = OpType::new(op);
        let outputs = vec![None; results];
        let node = Node { name, op, attrs, inputs: inputs.to_vec(), outputs, phase: Phase::Forward };
        let facts = self.infer(&node)?;
        if facts.len() < results {
            return Err(refuse(&node, format!("has {} results, not {results}", facts.len())));
        }
        let mut ids = Vec::with_capacity(results);
        for fact in facts.into_iter().take(results) {
            let id = self.tensor(Tensor::activation(format!("t{}", self.parts.tensors.len())));
            self.facts[id.index()] = fact;
            ids.push(id);
        }
        self.parts.nodes.push(Node { outputs: ids.iter().copied().map(Some).collect(), ..node });
        Ok(ids)
    }

    fn infer(&self, node: &Node) -> Result<Vec<Fact>> {
        let OpType::Known(_, op) = &node.op else { return Err(refuse(node, "is not registered".into())) };
        let mut bound = Cow::Borrowed(node);
        if node.attrs.values().any(|attr| matches!(attr, Attr::Free { .. })) {
            for attr in bound.to_mut().attrs.values_mut() {
                resolve(attr, |name| self.defaults.get(name).copied().unwrap_or(1));
            }
        }
        let inputs: Vec<_> = node.inputs.iter().map(|id| id.map(|id| &self.facts[id.index()])).collect();
        op.infer(&Call { node: &bound, inputs: &inputs, outputs: &[] }).map_err(|error| match error {
            OpError::Invalid(message) => refuse(node, message),
            OpError::Unknown => refuse(node, "shape depends on data".into()),
        })
    }

    /// 2-D convolution with a new weight, same padding on all sides: (N, C, H, W) → (N, `out`, H', W').
    #[allow(clippy::too_many_arguments)]
    pub fn conv(
        &mut self,
        x: TensorId,
        out: u64,
        kernel: [u64; 2],
        stride: u64,
        pad: u64,
        groups: u64,
        bias: bool,
    ) -> Result<TensorId> {
        let channels = self.shape(x).get(1).copied().unwrap_or(0);
        let weight = self.parameter(&[out, channels / groups.max(1), kernel[0], kernel[1]]);
        let mut inputs = vec![x, weight];
        if bias {
            inputs.push(self.parameter(&[out]));
        }
        let pair = |n: u64| Attr::Ints(vec![n as i64; 2]);
        let attrs = attrs([
            ("dilations", pair(1)),
            ("group", Attr::Int(groups as i64)),
            ("kernel_shape", Attr::Ints(kernel.map(|k| k as i64).to_vec())),
            ("pads", Attr::Ints(vec![pad as i64; 4])),
            ("strides", pair(stride)),
        ]);
        self.op_with("Conv", &inputs, attrs)
    }

    /// Inference-mode batch normalisation with new scale, shift, mean and variance.
    pub fn batch_norm(&mut self, x: TensorId) -> Result<TensorId> {
        let channels = self.shape(x).get(1).copied().unwrap_or(0);
        let mut inputs = vec![x];
        inputs.extend((0..4).map(|_| self.parameter(&[channels])));
        self.op_with("BatchNormalization", &inputs, attrs([("epsilon", Attr::Float(1e-5))]))
    }

    /// Max or average pooling over squares: `op` is `MaxPool` or `AveragePool`.
    pub fn pool(&mut self, op: &str, x: TensorId, kernel: u64, stride: u64, pad: u64) -> Result<TensorId> {
        let attrs = attrs([
            ("kernel_shape", Attr::Ints(vec![kernel as i64; 2])),
            ("pads", Attr::Ints(vec![pad as i64; 4])),
            ("strides", Attr::Ints(vec![stride as i64; 2])),
        ]);
        self.op_with(op, &[x], attrs)
    }

    /// Fully connected layer on (N, C) with new weight and bias: (N, C) → (N, `out`).
    pub fn gemm(&mut self, x: TensorId, out: u64) -> Result<TensorId> {
        let features = self.shape(x).last().copied().unwrap_or(0);
        let (weight, bias) = (self.parameter(&[out, features]), self.parameter(&[out]));
        self.op_with("Gemm", &[x, weight, bias], attrs([("transB", Attr::Int(1))]))
    }

    /// Fully connected layer on (…, C) as exporters write it, MatMul then Add: (…, C) → (…, `out`).
    pub fn linear(&mut self, x: TensorId, out: u64) -> Result<TensorId> {
        let features = self.shape(x).last().copied().unwrap_or(0);
        let weight = self.parameter(&[features, out]);
        let y = self.op("MatMul", &[x, weight])?;
        let bias = self.parameter(&[out]);
        self.op("Add", &[y, bias])
    }

    /// Layer normalisation over the last axis with new scale and shift.
    pub fn layer_norm(&mut self, x: TensorId) -> Result<TensorId> {
        let features = self.shape(x).last().copied().unwrap_or(0);
        let (scale, shift) = (self.parameter(&[features]), self.parameter(&[features]));
        let attrs = attrs([("axis", Attr::Int(-1)), ("epsilon", Attr::Float(1e-5))]);
        self.op_with("LayerNormalization", &[x, scale, shift], attrs)
    }

    /// Validates and returns the graph.
    pub fn finish(mut self, outputs: &[TensorId]) -> Result<Graph> {
        self.parts.outputs = outputs.to_vec();
        for (i, id) in outputs.iter().enumerate() {
            self.parts.tensors[id.index()].name = if i == 0 { "output".into() } else { format!("output{i}") };
        }
        Graph::new(self.parts)
    }
}

fn refuse(node: &Node, message: String) -> Error {
    Error::Operator { node: node.name.clone(), op: node.op.to_string(), message }
}
