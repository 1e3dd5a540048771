//! The graph under construction. The number of axes of every blob is known, and what each result would be if open
//! extents had certain values ([`probe`]): ncnn decides by extents where ONNX decides by the number of axes.

use std::collections::{BTreeMap, HashMap, HashSet};

use tachograph_ir::{
    Attrs, Call, DType, Dim, Domain, Fact, Hyperparameter, Node, OpType, Parts, Phase, Tensor, TensorId, TensorKind,
    Value, attrs,
};

use super::text::Layer;

type Result<T> = std::result::Result<T, String>;

/// A tensor and its number of axes, the leading 1 among them; 0 for an input whose axes are still open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blob {
    pub id: TensorId,
    pub rank: usize,
}

/// An extent of an input that the file leaves open, as far as what reads it decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Extent {
    Fixed(u64),
    /// A hyperparameter of this name, or of that of the input and this name where another input has it.
    Free(&'static str),
    /// A hyperparameter that all inputs share.
    Shared(&'static str),
    /// What has this extent elsewhere has it here.
    Like(u64),
}

#[derive(Default)]
pub(super) struct Net {
    parts: Parts,
    /// What is known of every tensor at the probed extents.
    facts: Vec<Fact>,
    blobs: HashMap<String, Blob>,
    read: HashSet<TensorId>,
    /// Blobs in the order of the file.
    written: Vec<TensorId>,
    /// Inputs whose axes are open.
    open: Vec<TensorId>,
    probes: BTreeMap<u64, String>,
}

/// The extent at which an open one is looked at: of images a multiple of every usual stride, of anything else a prime
/// that no network has.
fn probe(role: &str, free: usize) -> u64 {
    match role {
        "height" => 256 + 64 * free as u64,
        "width" => 320 + 64 * free as u64,
        "depth" => 32,
        _ => [10_007, 10_009, 10_037, 10_039, 10_061, 10_067, 10_069, 10_079][free % 8] + 10_000 * (free / 8) as u64,
    }
}

impl Net {
    pub fn new(name: &str) -> Self {
        Self { parts: Parts { name: name.into(), ..Parts::default() }, ..Self::default() }
    }

    fn tensor(&mut self, tensor: Tensor) -> TensorId {
        let dtype = tensor.dtype.unwrap_or(DType::F32);
        let fact = match &tensor.dims {
            Some(dims) if tensor.kind != TensorKind::Activation => {
                let extent = |dim: &Dim| match dim {
                    Dim::Fixed(n) => Some(*n),
                    Dim::Free(name) => self.probes.iter().find(|(_, n)| *n == name).map(|(probe, _)| *probe),
                };
                let shape: Option<Vec<u64>> = dims.iter().map(extent).collect();
                Fact { shape, ..Fact::unknown(dtype) }.with_value(tensor.value.clone())
            }
            _ => Fact::unknown(dtype),
        };
        self.facts.push(fact);
        self.parts.tensors.push(tensor);
        TensorId(self.parts.tensors.len() as u32 - 1)
    }

    /// An input of the graph, result `slot` of `layer`: of fixed extents, or open ones.
    pub fn input(&mut self, layer: &Layer, slot: usize, shape: Option<Vec<u64>>) -> Result<()> {
        let rank = shape.as_ref().map_or(0, Vec::len);
        let dims = shape.unwrap_or_default().into_iter().map(Dim::Fixed).collect();
        let id = self.tensor(Tensor::input("", DType::F32, dims));
        self.parts.inputs.push(id);
        if rank == 0 {
            self.facts[id.index()].shape = None;
            self.open.push(id);
        }
        self.define(layer, slot, Blob { id, rank })
    }

    /// Decides the axes of an open input, outermost first and without the leading 1.
    pub fn settle(&mut self, id: TensorId, dtype: DType, extents: &[Extent]) -> Blob {
        let mut dims = vec![Dim::Fixed(1)];
        for &extent in extents {
            let known = |n| self.probes.get(&n).cloned().map_or(Dim::Fixed(n), Dim::Free);
            dims.push(match extent {
                Extent::Fixed(n) => Dim::Fixed(n),
                Extent::Like(n) => known(n),
                Extent::Shared(role) => self.free(id, role, true),
                Extent::Free(role) => self.free(id, role, false),
            });
        }
        let extent = |dim: &Dim| match dim {
            Dim::Fixed(n) => Some(*n),
            Dim::Free(name) => self.probes.iter().find(|(_, n)| *n == name).map(|(probe, _)| *probe),
        };
        self.facts[id.index()] = Fact { shape: dims.iter().map(extent).collect(), ..Fact::unknown(dtype) };
        self.open.retain(|open| *open != id);
        let rank = dims.len();
        let tensor = &mut self.parts.tensors[id.index()];
        (tensor.dims, tensor.dtype) = (Some(dims), Some(dtype));
        Blob { id, rank }
    }

    fn free(&mut self, id: TensorId, role: &'static str, shared: bool) -> Dim {
        let taken = self.parts.hyperparameters.contains_key(role);
        let own = || format!("{}_{role}", self.parts.tensors[id.index()].name);
        let name = if taken && !shared { own() } else { role.to_owned() };
        if !self.parts.hyperparameters.contains_key(&name) {
            // A cache of earlier tokens may be empty.
            let domain = Domain::Range { min: u64::from(role != "past"), max: 1 << 20, step: 1 };
            self.probes.insert(probe(role, self.parts.hyperparameters.len()), name.clone());
            self.parts.hyperparameters.insert(name.clone(), Hyperparameter { domain, default: None });
        }
        Dim::Free(name)
    }

    /// Inputs whose axes nothing has decided.
    pub fn open(&self) -> Vec<(TensorId, String)> {
        self.open.iter().map(|id| (*id, self.parts.tensors[id.index()].name.clone())).collect()
    }

    /// True where every extent of the network is known.
    pub fn is_fixed(&self) -> bool {
        self.parts.hyperparameters.is_empty()
    }

    /// Shape at the probed extents, with the leading 1, where it is known.
    pub fn shape(&self, blob: Blob) -> Option<&[u64]> {
        self.facts.get(blob.id.index())?.shape.as_deref()
    }

    /// A weight of `layer`, called `layer/what`.
    pub fn weight(&mut self, layer: &Layer, what: &str, dtype: DType, shape: &[u64]) -> TensorId {
        let dims = shape.iter().map(|&n| Dim::Fixed(n)).collect();
        self.tensor(Tensor::parameter(format!("{}/{what}", layer.name), dtype, dims))
    }

    /// A 1-D constant of integers.
    pub fn ints(&mut self, layer: &Layer, what: &str, values: Vec<i64>) -> TensorId {
        let shape = [values.len() as u64];
        self.tensor(Tensor::constant(format!("{}/{what}", layer.name), DType::I64, &shape, Value::Ints(values)))
    }

    /// A scalar or, where there are several, 1-D constant.
    pub fn floats(&mut self, layer: &Layer, what: &str, values: Vec<f64>) -> TensorId {
        let shape: &[u64] = if values.len() == 1 { &[] } else { &[values.len() as u64] };
        self.tensor(Tensor::constant(format!("{}/{what}", layer.name), DType::F32, shape, Value::Floats(values)))
    }

    /// The operands of `layer`.
    pub fn operands(&self, layer: &Layer) -> Result<Vec<Blob>> {
        let find = |name: &&str| {
            let blob = self.blobs.get(*name).copied().ok_or_else(|| format!("nobody wrote blob `{name}`"))?;
            // An input that was open when it got its name.
            Ok(if blob.rank == 0 { Blob { rank: self.shape(blob).map_or(0, <[u64]>::len), ..blob } } else { blob })
        };
        layer.inputs.iter().map(find).collect()
    }

    /// A node with one result.
    pub fn node(&mut self, layer: &Layer, op: &str, inputs: &[TensorId], attrs: Attrs) -> TensorId {
        self.nodes(layer, OpType::new(op), inputs.iter().copied().map(Some).collect(), attrs, 1)[0]
    }

    /// A node with one result of as many axes as its operand `x`, the first of `inputs`.
    pub fn like(&mut self, layer: &Layer, op: &str, x: Blob, others: &[TensorId], attrs: Attrs) -> Blob {
        let inputs: Vec<TensorId> = std::iter::once(x.id).chain(others.iter().copied()).collect();
        Blob { id: self.node(layer, op, &inputs, attrs), ..x }
    }

    /// A node with any number of results and optional operands.
    pub fn nodes(
        &mut self,
        layer: &Layer,
        op: OpType,
        inputs: Vec<Option<TensorId>>,
        attrs: Attrs,
        results: usize,
    ) -> Vec<TensorId> {
        let first = self.parts.tensors.len() as u32;
        let ids: Vec<TensorId> = (first..).take(results).map(TensorId).collect();
        let outputs = ids.iter().copied().map(Some).collect();
        self.read.extend(inputs.iter().flatten());
        let node = Node { name: layer.name.into(), op, attrs, inputs, outputs, phase: Phase::Forward };
        let mut facts = self.infer(&node).into_iter();
        for _ in 0..results {
            self.facts.push(facts.next().unwrap_or(Fact::unknown(DType::F32)));
            self.parts.tensors.push(Tensor::activation(""));
        }
        self.parts.nodes.push(node);
        ids
    }

    /// What is known of the results; nothing where the probed extents do not suit the network.
    fn infer(&self, node: &Node) -> Vec<Fact> {
        let OpType::Known(_, op) = &node.op else { return Vec::new() };
        let inputs: Vec<_> = node.inputs.iter().map(|id| id.and_then(|id| self.facts.get(id.index()))).collect();
        op.infer(&Call { node, inputs: &inputs, outputs: &[] }).unwrap_or_default()
    }

    /// Declares `blob` as result `slot` of `layer`, with its name and stated shape.
    pub fn define(&mut self, layer: &Layer, slot: usize, blob: Blob) -> Result<()> {
        let (tensor, fact) = (&mut self.parts.tensors[blob.id.index()], &mut self.facts[blob.id.index()]);
        // A shape of other axes is that of an older version of the layer.
        if let Some(stated) = layer.shapes()?.get(slot).filter(|stated| stated.len() == blob.rank)
            && tensor.dims.is_none()
        {
            tensor.dims = Some(stated.iter().map(|&n| Dim::Fixed(n)).collect());
            fact.shape.get_or_insert_with(|| stated.clone());
        }
        self.name(layer, slot, blob)
    }

    /// The same for a result whose shape depends on the data, so that a stated one is that of an example.
    pub fn name(&mut self, layer: &Layer, slot: usize, blob: Blob) -> Result<()> {
        let tensor = &mut self.parts.tensors[blob.id.index()];
        // A layer that changes nothing hands its operand on, which has a name.
        if tensor.name.is_empty() {
            tensor.name = layer.outputs.get(slot).copied().unwrap_or_default().into();
            self.written.push(blob.id);
        }
        self.alias(layer, slot, blob)
    }

    /// Declares result `slot` of `layer` as another name of `blob`.
    pub fn alias(&mut self, layer: &Layer, slot: usize, blob: Blob) -> Result<()> {
        let name = layer.outputs.get(slot).ok_or_else(|| format!("has no result {slot}"))?;
        match self.blobs.insert((*name).into(), blob) {
            None => Ok(()),
            Some(_) => Err(format!("blob `{name}` is written twice")),
        }
    }

    /// Marks tensors as outputs although a layer reads them.
    pub fn expose(&mut self, blobs: &[Blob]) {
        for blob in blobs {
            self.read.remove(&blob.id);
        }
    }

    /// The contents of the graph; blobs that nobody reads are its outputs.
    pub fn finish(mut self) -> Parts {
        let mut seen = HashSet::new();
        let unread = |id: &TensorId| !self.read.contains(id) && seen.insert(*id);
        self.parts.outputs = self.written.iter().copied().filter(unread).collect();
        self.parts
    }
}

/// No attributes.
pub(super) fn none() -> Attrs {
    attrs([])
}
