//! PerfSAGE, as far as it is published.

use serde::{Deserialize, Serialize};
use tachograph_gnn::{GraphBatch, Sage, SageConfig};
use tch::{Tensor, nn};

use crate::{
    Result,
    error::torch,
    mlp::{Mlp, read},
};

/// Settings of [`PerfSage`]. Depth and widths of the original are not known; the defaults are our choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PerfSageConfig {
    /// Number of GraphSAGE layers.
    pub layers: usize,
    /// Their width.
    pub width: i64,
    /// Widths of the hidden layers of a head.
    pub hidden: Vec<i64>,
}

impl Default for PerfSageConfig {
    fn default() -> Self {
        Self { layers: 3, width: 256, hidden: vec![256, 128] }
    }
}

/// In the manner of PerfSAGE (Chai et al., "PerfSAGE: Generalized Inference Performance Predictor for Arbitrary Deep
/// Learning Models on Edge Devices", 2023): GraphSAGE in both directions of the edges,
///
/// h⁽ˡ⁺¹⁾ = ReLU(SAGE(h⁽ˡ⁾)), g = Σᵢ hᵢ ‖ meanᵢ hᵢ, y = softplus(MLP(g))
///
/// # Shapes
/// A batch of G graphs with node features of width `inputs`, and H heads → (G, H), in the unit of the training targets.
/// Build the batch with reversed edges.
#[derive(Debug)]
pub struct PerfSage {
    layers: Vec<Sage>,
    heads: Vec<Mlp>,
}

impl PerfSage {
    /// Adds its parameters under `vs`; one head for each of `outputs` outputs.
    ///
    /// # Errors
    /// libtorch cannot allocate the parameters.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: usize, config: &PerfSageConfig) -> Result<Self> {
        let sage = SageConfig { directed: true, ..SageConfig::default() };
        let width = |l: usize| if l == 0 { inputs } else { config.width };
        let layer = |l: usize| Sage::new(&(vs / "graph" / l), width(l), config.width, sage);
        Ok(Self {
            layers: (0..config.layers).map(layer).collect::<Result<_, _>>()?,
            heads: Mlp::heads(vs, 2 * width(config.layers), &config.hidden, 0.0, outputs)?,
        })
    }

    /// Embeddings of the graphs before any head: (G, 2 · width).
    ///
    /// # Errors
    /// The batch has another width, was built for fewer layers, or lacks reversed edges.
    pub fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let mut h = batch.nodes.shallow_clone();
        for (l, layer) in self.layers.iter().enumerate() {
            h = layer.forward(&h, batch.layer_edges(l)?)?.f_relu().map_err(torch("ReLU"))?;
        }
        let sum = batch.graph_of_row.sum(&h, None)?;
        Tensor::f_cat(&[sum, batch.graph_of_row.mean(&h)?], 1).map_err(torch("read-out"))
    }

    /// Predictions for each of `heads`: (G, heads), positive.
    ///
    /// # Errors
    /// As [`PerfSage::embed`]; an output without a head, or no output.
    pub fn forward(&self, batch: &GraphBatch, heads: &[usize]) -> Result<Tensor> {
        read(&self.heads, heads, &self.embed(batch)?, false)?.f_softplus().map_err(torch("head"))
    }
}
