//! The graph under construction. Extents need not be known; the number of axes of every blob is.

use std::collections::{BTreeMap, HashMap, HashSet};

use tachograph_ir::{Attrs, DType, Dim, Domain, Hyperparameter, Node, OpType, Parts, Phase, Tensor, TensorId, Value};

use super::text::Layer;

type Result<T> = std::result::Result<T, String>;

/// A tensor and its number of axes, the leading 1 among them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blob {
    pub id: TensorId,
    pub rank: usize,
}

#[derive(Default)]
pub(super) struct Net {
    parts: Parts,
    blobs: HashMap<String, Blob>,
    read: HashSet<TensorId>,
    /// Blobs in the order of the file.
    written: Vec<TensorId>,
}

impl Net {
    pub fn new(name: &str) -> Self {
        Self { parts: Parts { name: name.into(), ..Parts::default() }, ..Self::default() }
    }

    fn tensor(&mut self, tensor: Tensor) -> TensorId {
        self.parts.tensors.push(tensor);
        TensorId(self.parts.tensors.len() as u32 - 1)
    }

    /// An input of the graph, the only result of `layer`.
    pub fn input(&mut self, layer: &Layer, dims: Vec<Dim>) -> Result<()> {
        for (name, default) in [("height", None), ("width", None), ("channels", Some(3))] {
            if dims.contains(&name.into()) {
                let domain = Domain::Range { min: 1, max: 1 << 16, step: 1 };
                self.parts.hyperparameters.insert(name.into(), Hyperparameter { domain, default });
            }
        }
        let rank = dims.len();
        let id = self.tensor(Tensor::input("", DType::F32, dims));
        self.parts.inputs.push(id);
        self.define(layer, 0, Blob { id, rank })
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
    pub fn operands(&mut self, layer: &Layer) -> Result<Vec<Blob>> {
        let find = |name: &&str| self.blobs.get(*name).copied().ok_or_else(|| format!("nobody wrote blob `{name}`"));
        let blobs: Vec<Blob> = layer.inputs.iter().map(find).collect::<Result<_>>()?;
        self.read.extend(blobs.iter().map(|blob| blob.id));
        Ok(blobs)
    }

    /// A node with one result.
    pub fn node(&mut self, layer: &Layer, op: &str, inputs: &[TensorId], attrs: Attrs) -> TensorId {
        self.nodes(layer, OpType::new(op), inputs.iter().copied().map(Some).collect(), attrs, 1)[0]
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
        let ids: Vec<TensorId> = (0..results).map(|_| self.tensor(Tensor::activation(""))).collect();
        let outputs = ids.iter().copied().map(Some).collect();
        self.parts.nodes.push(Node { name: layer.name.into(), op, attrs, inputs, outputs, phase: Phase::Forward });
        ids
    }

    /// Declares `blob` as result `slot` of `layer`, with its name and stated shape.
    pub fn define(&mut self, layer: &Layer, slot: usize, blob: Blob) -> Result<()> {
        let tensor = &mut self.parts.tensors[blob.id.index()];
        tensor.name = layer.outputs.get(slot).copied().unwrap_or_default().into();
        if let Some(stated) = layer.shapes()?.get(slot) {
            if stated.len() != blob.rank {
                return Err(format!("the file states {stated:?}, but the result has {} axes", blob.rank));
            }
            if tensor.dims.is_none() {
                tensor.dims = Some(stated.iter().map(|&n| Dim::Fixed(n)).collect());
            }
        }
        self.written.push(blob.id);
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
    BTreeMap::new()
}
