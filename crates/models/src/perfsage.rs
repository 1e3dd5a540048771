//! PerfSAGE, as far as it is published.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{BatchOptions, Context, Conv, GraphBatch, Sage, SageConfig, torch};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Network, NetworkConfig, Result,
    mlp::{Mlp, read},
    network::widths,
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

impl NetworkConfig for PerfSageConfig {
    const KIND: &'static str = "perfsage";

    fn layers(&self) -> usize {
        self.layers
    }

    fn batch_options(&self, _train: bool) -> BatchOptions {
        BatchOptions { layers: self.layers, compressed: true, reverse: true, ..BatchOptions::default() }
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
        let [nodes, ..] = widths(schema);
        Ok(Box::new(PerfSage::new(vs, nodes, outputs.len(), self)?))
    }

    fn variants() -> Vec<Self> {
        vec![Self { width: 8, hidden: vec![8], ..Self::default() }]
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
    fn new(vs: &nn::Path<'_>, inputs: i64, outputs: usize, config: &PerfSageConfig) -> Result<Self> {
        let sage = SageConfig { directed: true, ..SageConfig::default() };
        let width = |l: usize| if l == 0 { inputs } else { config.width };
        let layer = |l: usize| Sage::new(&(vs / "graph" / l), width(l), config.width, sage);
        Ok(Self {
            layers: (0..config.layers).map(layer).collect::<Result<_, _>>()?,
            heads: Mlp::heads(vs, 2 * width(config.layers), &config.hidden, 0.0, outputs)?,
        })
    }
}

impl Network for PerfSage {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], _: bool) -> Result<Tensor> {
        Ok(read(&self.heads, outputs, &self.embed(batch)?, false)?.f_softplus().map_err(torch("head"))?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let mut h = batch.nodes.shallow_clone();
        for (l, layer) in self.layers.iter().enumerate() {
            h = layer.forward(&h, batch.layer_edges(l)?, &Context::default())?.f_relu().map_err(torch("ReLU"))?;
        }
        let sum = batch.graph_of_row.sum(&h, None)?;
        Ok(Tensor::f_cat(&[sum, batch.graph_of_row.mean(&h)?], 1).map_err(torch("read-out"))?)
    }
}
