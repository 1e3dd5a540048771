//! The graph convolution of BRP-NAS.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{GraphBatch, LayerEdges, LayerNorm, LayerNormConfig, LayerNormMode, torch};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Network, NetworkConfig, Result,
    mlp::{Mlp, activate, read},
    network::{column, widths},
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

impl NetworkConfig for BrpNasConfig {
    const KIND: &'static str = "brp-nas";

    fn layers(&self) -> usize {
        self.layers
    }

    fn compressible(&self) -> bool {
        self.dropout == 0.0
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
        let [nodes, ..] = widths(schema);
        let global = column("BRP-NAS", &schema.node_columns, "global")?;
        Ok(Box::new(BrpNas::new(vs, nodes, global, outputs.len(), self)?))
    }

    fn variants() -> Vec<Self> {
        vec![Self { hidden: 8, dropout: 0.0, ..Self::default() }]
    }
}

/// The latency predictor of BRP-NAS (Dudziak et al., "BRP-NAS: Prediction-based NAS using GCNs", NeurIPS 2020;
/// `eagle/predictors/gcn` of SamsungLabs/eagle):
///
/// h⁽ˡ⁺¹⁾ᵢ = dropout(ReLU(LayerNorm(Σ_{j→i} hⱼ·W + b))), y = w·h_global + c
///
/// The edges are all that is summed: self-loops are among them, and degrees do not count. The global node is marked by
/// the column `global`. The output is a plain number, which training makes positive.
///
/// # Shapes
/// A batch of G graphs with node features of width `inputs`, and H heads → (G, H), in the unit of the training targets.
#[derive(Debug)]
pub struct BrpNas {
    layers: Vec<(Convolution, LayerNorm)>,
    heads: Vec<Mlp>,
    /// Column that marks the global node.
    global: i64,
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
        Ok(build().map_err(torch("graph convolution"))?)
    }

    fn forward(&self, x: &Tensor, hop: &LayerEdges) -> Result<Tensor> {
        let torch = || torch("graph convolution");
        Ok(hop.edges.sum(&x.f_matmul(&self.weight).map_err(torch())?, None)?.f_add(&self.bias).map_err(torch())?)
    }
}

impl BrpNas {
    fn new(vs: &nn::Path<'_>, inputs: i64, global: i64, outputs: usize, config: &BrpNasConfig) -> Result<Self> {
        let norm = LayerNormConfig { mode: LayerNormMode::Node, ..LayerNormConfig::default() };
        let width = |l: usize| if l == 0 { inputs } else { config.hidden };
        let layer = |l: usize| -> Result<(Convolution, LayerNorm)> {
            let convolution = Convolution::new(&(vs / "graph" / l), width(l), config.hidden)?;
            Ok((convolution, LayerNorm::new(&(vs / "norm" / l), config.hidden, norm)?))
        };
        Ok(Self {
            layers: (0..config.layers).map(layer).collect::<Result<_>>()?,
            heads: Mlp::heads(vs, width(config.layers), &[], 0.0, outputs)?,
            global,
            dropout: config.dropout,
        })
    }

    /// h_global: (G, hidden).
    fn pooled(&self, batch: &GraphBatch, train: bool) -> Result<Tensor> {
        let mut h = batch.nodes.shallow_clone();
        let mut global = h.f_narrow(1, self.global, 1).map_err(torch("global node"))?;
        for (l, (convolution, norm)) in self.layers.iter().enumerate() {
            let hop = batch.layer_edges(l)?;
            h = activate(&norm.forward(&convolution.forward(&h, hop)?, &batch.graph_of_row)?, self.dropout, train)?;
            global = hop.residual_rows(&global)?;
        }
        Ok(batch.graph_of_row.sum(&h.f_mul(&global).map_err(torch("global node"))?, None)?)
    }
}

impl Network for BrpNas {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], train: bool) -> Result<Tensor> {
        read(&self.heads, outputs, &self.pooled(batch, train)?, train)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        self.pooled(batch, false)
    }
}
