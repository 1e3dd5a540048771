//! Time compensations of nodes, by graph convolution.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{BatchOptions, Context, Conv, Gcn, GcnConfig, GraphBatch, torch};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Network, NetworkConfig, Result,
    mlp::{Mlp, read},
    network::widths,
};

/// Settings of [`NodeGcn`]. Depth and width of the original are not known; the defaults are our choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeGcnConfig {
    /// Number of graph convolutions.
    pub layers: usize,
    /// Their width.
    pub hidden: i64,
}

impl Default for NodeGcnConfig {
    fn default() -> Self {
        Self { layers: 3, hidden: 64 }
    }
}

impl NetworkConfig for NodeGcnConfig {
    const KIND: &'static str = "node-gcn";

    fn layers(&self) -> usize {
        self.layers
    }

    fn batch_options(&self, _train: bool) -> BatchOptions {
        BatchOptions { layers: self.layers, compressed: true, self_loops: true, ..BatchOptions::default() }
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
        let [nodes, ..] = widths(schema);
        Ok(Box::new(NodeGcn::new(vs, nodes, outputs.len(), self)?))
    }

    fn variants() -> Vec<Self> {
        vec![Self { hidden: 8, ..Self::default() }]
    }
}

/// In the manner of Li et al. ("CNN latency prediction based on graph convolution", Journal of Beihang University
/// 48(12), 2022): the time of a network is the sum of what its nodes add to it, where a node's share depends on its
/// surroundings, since they decide what a compiler fuses:
///
/// h⁽ˡ⁺¹⁾ = ReLU(GCN(h⁽ˡ⁾)), tᵢ = softplus(w·hᵢ + b), y = Σᵢ tᵢ
///
/// Trained on differences of networks by the loss of the same name. Graph features are not used.
///
/// # Shapes
/// A batch of G graphs with node features of width `inputs`, and H heads → (G, H), in the unit of the training targets.
/// Build the batch with self-loops.
#[derive(Debug)]
pub struct NodeGcn {
    layers: Vec<Gcn>,
    heads: Vec<Mlp>,
}

impl NodeGcn {
    fn new(vs: &nn::Path<'_>, inputs: i64, outputs: usize, config: &NodeGcnConfig) -> Result<Self> {
        let width = |l: usize| if l == 0 { inputs } else { config.hidden };
        let layer = |l: usize| Gcn::new(&(vs / "graph" / l), width(l), config.hidden, GcnConfig::default());
        Ok(Self {
            layers: (0..config.layers).map(layer).collect::<Result<_, _>>()?,
            heads: Mlp::heads(vs, width(config.layers), &[], 0.0, outputs)?,
        })
    }

    fn rows(&self, batch: &GraphBatch) -> Result<Tensor> {
        let mut h = batch.nodes.shallow_clone();
        for (l, layer) in self.layers.iter().enumerate() {
            h = layer.forward(&h, batch.layer_edges(l)?, &Context::default())?.f_relu().map_err(torch("ReLU"))?;
        }
        Ok(h)
    }

    /// Share of each operator: (rows, outputs).
    fn shares(&self, batch: &GraphBatch, outputs: &[usize]) -> Result<Tensor> {
        let z = read(&self.heads, outputs, &self.rows(batch)?, false)?;
        Ok(z.f_softplus().map_err(torch("head"))?)
    }
}

impl Network for NodeGcn {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], _: bool) -> Result<Tensor> {
        Ok(batch.graph_of_row.sum(&self.shares(batch, outputs)?, None)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        Ok(batch.graph_of_row.sum(&self.rows(batch)?, None)?)
    }

    fn operators(&self, batch: &GraphBatch, output: usize) -> Result<Option<Tensor>> {
        Ok(Some(self.shares(batch, &[output])?.f_squeeze_dim(1).map_err(torch("operators"))?))
    }
}
