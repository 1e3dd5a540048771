//! The networks of the cases, with parameters named as in PyTorch Geometric.

use std::collections::BTreeMap;

use anyhow::Result;
use tachograph_gnn::{
    BatchOptions, Context, Conv, GatConfig, GcnConfig, GraphBatch, GraphConvConfig, LayerConfig, Linear, SageConfig,
};
use tch::{Device, Tensor, nn};

use super::{Folder, cases::Layer};

const PREFIX: &str = "weights.";
const HEADS: i64 = 4;

fn conv(layer: Layer, vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> tachograph_gnn::Result<Box<dyn Conv>> {
    let gat = GatConfig { heads: HEADS, ..GatConfig::default() };
    match layer {
        Layer::Sage => LayerConfig::from(SageConfig::default()).layer(vs, inputs, outputs),
        Layer::Gcn => LayerConfig::from(GcnConfig::default()).layer(vs, inputs, outputs),
        Layer::GraphConv => LayerConfig::from(GraphConvConfig::default()).layer(vs, inputs, outputs),
        Layer::Gat => LayerConfig::from(gat).layer(vs, inputs, outputs / HEADS),
    }
}

/// Layers with ReLU in between, then the sum over each graph, then a linear head if asked.
pub(super) struct Model {
    pub store: nn::VarStore,
    layers: Vec<Box<dyn Conv>>,
    head: Option<Linear>,
}

impl Model {
    pub fn new(layer: Layer, layers: usize, inputs: i64, hidden: i64, head: bool) -> Result<Self> {
        let store = nn::VarStore::new(Device::Cpu);
        let root = store.root();
        let conv = |l| conv(layer, &(&root / "convs" / l), if l == 0 { inputs } else { hidden }, hidden);
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
        // As in training; no case has dropout.
        let context = Context { train: true, ..Context::default() };
        let mut x = batch.nodes.shallow_clone();
        for (l, layer) in self.layers.iter().enumerate() {
            if l > 0 {
                x = x.f_relu_()?;
            }
            x = layer.forward(&x, batch.layer_edges(l)?, &context)?;
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
