//! Time compensations of nodes, by graph convolution.

use serde::{Deserialize, Serialize};
use tachograph_gnn::{Gcn, GcnConfig, GraphBatch};
use tch::{Tensor, nn};

use crate::{
    Result,
    error::torch,
    mlp::{Mlp, read},
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
    /// Adds its parameters under `vs`; one head for each of `outputs` outputs.
    ///
    /// # Errors
    /// libtorch cannot allocate the parameters.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: usize, config: &NodeGcnConfig) -> Result<Self> {
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
            h = layer.forward(&h, batch.layer_edges(l)?, None)?.f_relu().map_err(torch("ReLU"))?;
        }
        Ok(h)
    }

    /// Embeddings of the graphs before any head, Σᵢ hᵢ: (G, hidden).
    ///
    /// # Errors
    /// The batch has another width, was built for fewer layers, or is compressed without self-loops.
    pub fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        Ok(batch.graph_of_row.sum(&self.rows(batch)?, None)?)
    }

    /// Share of each operator for each of `heads`: (rows of the last layer, heads), positive. Rows are the nodes of the
    /// batch, or their classes when it is compressed.
    ///
    /// # Errors
    /// As [`NodeGcn::embed`]; an output without a head, or no output.
    pub fn operators(&self, batch: &GraphBatch, heads: &[usize]) -> Result<Tensor> {
        read(&self.heads, heads, &self.rows(batch)?, false)?.f_softplus().map_err(torch("head"))
    }

    /// Predictions for each of `heads`: (G, heads), positive.
    ///
    /// # Errors
    /// As [`NodeGcn::operators`].
    pub fn forward(&self, batch: &GraphBatch, heads: &[usize]) -> Result<Tensor> {
        Ok(batch.graph_of_row.sum(&self.operators(batch, heads)?, None)?)
    }
}
