//! The graph convolution of BRP-NAS.

use serde::{Deserialize, Serialize};
use tachograph_gnn::{GraphBatch, LayerEdges, LayerNorm, LayerNormConfig, LayerNormMode};
use tch::{Tensor, nn};

use crate::{
    Result,
    error::torch,
    mlp::{Mlp, activate, read},
};

/// Settings of [`BrpNas`]; the defaults are the published ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrpNasConfig {
    /// Number of graph convolutions.
    pub layers: usize,
    /// Their width.
    pub hidden: i64,
    /// Dropout after each, in training.
    pub dropout: f64,
}

impl Default for BrpNasConfig {
    fn default() -> Self {
        Self { layers: 4, hidden: 600, dropout: 0.002 }
    }
}

/// The latency predictor of BRP-NAS (Dudziak et al., "BRP-NAS: Prediction-based NAS using GCNs", NeurIPS 2020;
/// `eagle/predictors/gcn` of SamsungLabs/eagle):
///
/// h⁽ˡ⁺¹⁾ᵢ = dropout(ReLU(LayerNorm(Σ_{j→i} hⱼ·W + b))), y = w·h_global + c
///
/// The edges are all that is summed: self-loops are among them, and degrees do not count. The global node is marked by
/// the last column of the node features. The output is a plain number, which training makes positive.
///
/// # Shapes
/// A batch of G graphs with node features of width `inputs`, and H heads → (G, H), in the unit of the training targets.
#[derive(Debug)]
pub struct BrpNas {
    layers: Vec<(Convolution, LayerNorm)>,
    heads: Vec<Mlp>,
    dropout: f64,
}

/// Σ_{j→i} xⱼ·W + b
#[derive(Debug)]
struct Convolution {
    weight: Tensor,
    bias: Tensor,
}

impl Convolution {
    /// Uniform in ±1/√out, as released.
    fn new(vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Result<Self> {
        let bound = 1.0 / (outputs.max(1) as f64).sqrt();
        let init = nn::Init::Uniform { lo: -bound, up: bound };
        let build = || {
            Ok(Self {
                weight: vs.f_var("weight", &[inputs, outputs], init)?,
                bias: vs.f_var("bias", &[outputs], init)?,
            })
        };
        build().map_err(torch("graph convolution"))
    }

    fn forward(&self, x: &Tensor, hop: &LayerEdges) -> Result<Tensor> {
        let torch = || torch("graph convolution");
        hop.edges.sum(&x.f_matmul(&self.weight).map_err(torch())?, None)?.f_add(&self.bias).map_err(torch())
    }
}

impl BrpNas {
    /// Adds its parameters under `vs`; one head for each of `outputs` outputs.
    ///
    /// # Errors
    /// libtorch cannot allocate the parameters.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: usize, config: &BrpNasConfig) -> Result<Self> {
        let norm = LayerNormConfig { mode: LayerNormMode::Node, ..LayerNormConfig::default() };
        let width = |l: usize| if l == 0 { inputs } else { config.hidden };
        let layer = |l: usize| -> Result<(Convolution, LayerNorm)> {
            let convolution = Convolution::new(&(vs / "graph" / l), width(l), config.hidden)?;
            Ok((convolution, LayerNorm::new(&(vs / "norm" / l), config.hidden, norm)?))
        };
        Ok(Self {
            layers: (0..config.layers).map(layer).collect::<Result<_>>()?,
            heads: Mlp::heads(vs, width(config.layers), &[], 0.0, outputs)?,
            dropout: config.dropout,
        })
    }

    /// Embeddings of the graphs before any head, the rows of their global nodes: (G, hidden).
    ///
    /// # Errors
    /// The batch has another width or was built for fewer layers.
    pub fn embed(&self, batch: &GraphBatch, train: bool) -> Result<Tensor> {
        let mut h = batch.nodes.shallow_clone();
        let mut global = h.f_narrow(1, h.size().last().map_or(0, |w| w - 1), 1).map_err(torch("global node"))?;
        for (l, (convolution, norm)) in self.layers.iter().enumerate() {
            let hop = batch.layer_edges(l)?;
            h = activate(&norm.forward(&convolution.forward(&h, hop)?, &batch.graph_of_row)?, self.dropout, train)?;
            global = hop.residual_rows(&global)?;
        }
        Ok(batch.graph_of_row.sum(&h.f_mul(&global).map_err(torch("global node"))?, None)?)
    }

    /// Predictions for each of `heads`: (G, heads).
    ///
    /// # Errors
    /// As [`BrpNas::embed`]; an output without a head, or no output.
    pub fn forward(&self, batch: &GraphBatch, heads: &[usize], train: bool) -> Result<Tensor> {
        read(&self.heads, heads, &self.embed(batch, train)?, train)
    }
}
