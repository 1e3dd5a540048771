//! DIPPM.

use serde::{Deserialize, Serialize};
use tachograph_gnn::{GraphBatch, Linear, Sage, SageConfig};
use tch::{Tensor, nn};

use crate::{
    Result,
    error::torch,
    mlp::{Mlp, activate, read},
};

/// What DIPPM multiplies its targets with before the loss: latency in milliseconds, energy in joules, memory in MB, in
/// this order.
pub const SCALES: [f64; 3] = [1000.0, 10.0, 1.0];

/// Settings of [`Dippm`]; the defaults are the published ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DippmConfig {
    /// Width of the graph layers and of the linear layers.
    pub hidden: i64,
    /// Blocks of two GraphSAGE layers.
    pub blocks: usize,
    /// Linear layers between the read-out and the outputs.
    pub linear: usize,
    /// Dropout after every block and every linear layer, in training.
    pub dropout: f64,
}

impl Default for DippmConfig {
    fn default() -> Self {
        Self { hidden: 512, blocks: 3, linear: 3, dropout: 0.05 }
    }
}

/// DIPPM (Panner Selvam and Brorsson, "DIPPM: a Deep Learning Inference Performance Predictive Model using Graph
/// Neural Networks", Euro-Par 2023; `model.py` of karthickai/dippm). GraphSAGE layers whose rows are L2-normalised:
///
/// h⁽ᵇ⁺¹⁾ = dropout(ReLU(SAGE(ReLU(SAGE(h⁽ᵇ⁾))))), g = Σᵢ hᵢ ‖ globals,
/// y = softplus(−(W·f + c)), f = three times dropout(ReLU(linear)) of g
///
/// All that comes before W is shared by the outputs. The published network has three: latency, energy and memory,
/// scaled by [`SCALES`].
///
/// # Shapes
/// A batch of G graphs with node features of width `inputs` and `globals` graph features, and H heads → (G, H), in the
/// unit of the training targets.
#[derive(Debug)]
pub struct Dippm {
    blocks: Vec<[Sage; 2]>,
    linear: Vec<Linear>,
    heads: Vec<Mlp>,
    dropout: f64,
}

impl Dippm {
    /// Adds its parameters under `vs`; one head for each of `outputs` outputs.
    ///
    /// # Errors
    /// libtorch cannot allocate the parameters.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, globals: i64, outputs: usize, config: &DippmConfig) -> Result<Self> {
        let hidden = config.hidden;
        let sage = SageConfig { normalize: true, ..SageConfig::default() };
        let block = |b: usize| -> Result<[Sage; 2]> {
            let vs = vs / "graph" / b;
            let width = if b == 0 { inputs } else { hidden };
            Ok([Sage::new(&(&vs / 0), width, hidden, sage)?, Sage::new(&(&vs / 1), hidden, hidden, sage)?])
        };
        let pooled = if config.blocks == 0 { inputs } else { hidden } + globals;
        let linear = |l: usize| Linear::new(&(vs / "linear" / l), if l == 0 { pooled } else { hidden }, hidden, true);
        let last = if config.linear == 0 { pooled } else { hidden };
        Ok(Self {
            blocks: (0..config.blocks).map(block).collect::<Result<_>>()?,
            linear: (0..config.linear).map(linear).collect::<Result<_, _>>()?,
            heads: Mlp::heads(vs, last, &[], config.dropout, outputs)?,
            dropout: config.dropout,
        })
    }

    /// Embeddings of the graphs before any head: (G, hidden).
    ///
    /// # Errors
    /// The batch has other widths or was built for fewer layers.
    pub fn embed(&self, batch: &GraphBatch, train: bool) -> Result<Tensor> {
        let mut h = batch.nodes.shallow_clone();
        for (b, [first, second]) in self.blocks.iter().enumerate() {
            h = first.forward(&h, batch.layer_edges(2 * b)?)?.f_relu().map_err(torch("ReLU"))?;
            h = activate(&second.forward(&h, batch.layer_edges(2 * b + 1)?)?, self.dropout, train)?;
        }
        let sum = batch.graph_of_row.sum(&h, None)?;
        let mut g = Tensor::f_cat(&[&sum, &batch.globals], 1).map_err(torch("read-out"))?;
        for linear in &self.linear {
            g = activate(&linear.forward(&g)?, self.dropout, train)?;
        }
        Ok(g)
    }

    /// Predictions for each of `heads`: (G, heads), positive.
    ///
    /// # Errors
    /// As [`Dippm::embed`]; an output without a head, or no output.
    pub fn forward(&self, batch: &GraphBatch, heads: &[usize], train: bool) -> Result<Tensor> {
        let z = read(&self.heads, heads, &self.embed(batch, train)?, train)?;
        z.f_neg().and_then(|z| z.f_softplus()).map_err(torch("head"))
    }
}
