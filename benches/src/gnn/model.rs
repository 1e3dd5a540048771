//! The networks of the cases, with parameters named as in PyTorch Geometric.

use std::collections::BTreeMap;

use anyhow::Result;
use tachograph_gnn::{
    BatchOptions, Gat, GatConfig, Gcn, GcnConfig, GraphBatch, GraphConv, GraphConvConfig, LayerEdges, Linear, Sage,
    SageConfig,
};
use tch::{Device, Tensor, nn};

use super::{Folder, cases::Layer};

const PREFIX: &str = "weights.";
const HEADS: i64 = 4;

enum Conv {
    Sage(Sage),
    Gcn(Gcn),
    GraphConv(GraphConv),
    Gat(Gat),
}

impl Conv {
    fn new(layer: Layer, vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> tachograph_gnn::Result<Self> {
        Ok(match layer {
            Layer::Sage => Self::Sage(Sage::new(vs, inputs, outputs, SageConfig::default())?),
            Layer::Gcn => Self::Gcn(Gcn::new(vs, inputs, outputs, GcnConfig::default())?),
            Layer::GraphConv => Self::GraphConv(GraphConv::new(vs, inputs, outputs, GraphConvConfig::default())?),
            Layer::Gat => {
                let config = GatConfig { heads: HEADS, ..GatConfig::default() };
                Self::Gat(Gat::new(vs, inputs, outputs / HEADS, config)?)
            }
        })
    }

    fn forward(&self, x: &Tensor, hop: &LayerEdges) -> tachograph_gnn::Result<Tensor> {
        match self {
            Self::Sage(layer) => layer.forward(x, hop),
            Self::Gcn(layer) => layer.forward(x, hop, None),
            Self::GraphConv(layer) => layer.forward(x, hop, None),
            Self::Gat(layer) => layer.forward(x, hop, None, true),
        }
    }
}

/// Layers with ReLU in between, then the sum over each graph, then a linear head if asked.
pub(super) struct Model {
    pub store: nn::VarStore,
    layers: Vec<Conv>,
    head: Option<Linear>,
}

impl Model {
    pub fn new(layer: Layer, layers: usize, inputs: i64, hidden: i64, head: bool) -> Result<Self> {
        let store = nn::VarStore::new(Device::Cpu);
        let root = store.root();
        let conv = |l| Conv::new(layer, &(&root / "convs" / l), if l == 0 { inputs } else { hidden }, hidden);
        let convs = (0..layers).map(conv).collect::<Result<_, _>>()?;
        let head = head.then(|| Linear::new(&(&root / "head"), hidden, 1, true)).transpose()?;
        Ok(Self { store, layers: convs, head })
    }

    /// What a batch needs.
    pub fn batch_options(layer: Layer, layers: usize, compressed: bool) -> BatchOptions {
        let self_loops = matches!(layer, Layer::Gcn | Layer::Gat);
        BatchOptions { layers, compressed, self_loops, ..BatchOptions::default() }
    }

    pub fn forward(&self, batch: &GraphBatch) -> Result<Tensor> {
        let mut x = batch.nodes.shallow_clone();
        for (l, layer) in self.layers.iter().enumerate() {
            if l > 0 {
                x = x.f_relu_()?;
            }
            x = layer.forward(&x, batch.layer_edges(l)?)?;
        }
        let y = batch.graph_of_row.sum(&x, None)?;
        Ok(match &self.head {
            Some(head) => head.forward(&y)?,
            None => y,
        })
    }

    pub fn put(&self, folder: &mut Folder) -> Result<()> {
        for (name, tensor) in self.parameters() {
            let shape: Vec<usize> = tensor.size().iter().map(|&n| n as usize).collect();
            let values = Vec::<f32>::try_from(tensor.f_detach()?.f_reshape([-1])?)?;
            folder.put_floats(&format!("{PREFIX}{name}"), &values, &shape)?;
        }
        Ok(())
    }

    pub fn get(&mut self, folder: &Folder) -> Result<()> {
        let _guard = tch::no_grad_guard();
        for (name, mut tensor) in self.parameters() {
            tensor.f_copy_(&folder.tensor(&format!("{PREFIX}{name}"))?)?;
        }
        Ok(())
    }

    /// Parameters in the order of their names.
    pub fn parameters(&self) -> BTreeMap<String, Tensor> {
        self.store.variables().into_iter().collect()
    }
}
