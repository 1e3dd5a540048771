//! Latency as a sum over operators, each seen in its context. Our own model.

use serde::{Deserialize, Serialize};
use tachograph_gnn::{GraphBatch, Linear, Sage, SageConfig};
use tch::{Tensor, nn};

use crate::{
    Result,
    error::torch,
    heads::{columns, select},
};

/// Settings of [`OperatorSum`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OperatorSumConfig {
    /// Width of the graph layers and of the heads.
    pub hidden: i64,
    /// Number of GraphSAGE layers: how many operators away the context reaches.
    pub layers: usize,
}

impl Default for OperatorSumConfig {
    fn default() -> Self {
        Self { hidden: 128, layers: 2 }
    }
}

/// Eager frameworks run one operator after the other, so a network takes the sum of its operators:
///
/// h⁽ˡ⁺¹⁾ = ReLU(SAGE(h⁽ˡ⁾)), tᵢ = exp(MLP(hᵢ ‖ xᵢ)), y = Σᵢ tᵢ
///
/// The features x hold logarithms of operations and bytes, so that an MLP of few units expresses a
/// roofline, and a network larger than any in training is still a sum of familiar terms. Graph features
/// are not used.
///
/// # Shapes
/// A batch of G graphs with node features of width `inputs`, and H heads → (G, H), in the unit of the training targets.
#[derive(Debug)]
pub struct OperatorSum {
    layers: Vec<Sage>,
    heads: Vec<[Linear; 3]>,
}

/// Keeps exp within f32 and its gradient alive.
const LIMIT: f64 = 20.0;

impl OperatorSum {
    /// Adds its parameters under `vs`; one head for each of `outputs` outputs.
    ///
    /// # Errors
    /// libtorch cannot allocate the parameters.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: usize, config: &OperatorSumConfig) -> Result<Self> {
        let hidden = config.hidden;
        let layer = |l: usize| {
            let width = if l == 0 { inputs } else { hidden };
            Sage::new(&(vs / "graph" / l), width, hidden, SageConfig::default())
        };
        let layers = (0..config.layers).map(layer).collect::<Result<_, _>>()?;
        let width = if config.layers == 0 { inputs } else { hidden + inputs };
        let head = |d: usize| -> Result<[Linear; 3]> {
            let vs = vs / "heads" / d;
            Ok([
                Linear::new(&(&vs / 0), width, hidden, true)?,
                Linear::new(&(&vs / 1), hidden, hidden, true)?,
                Linear::new(&(&vs / 2), hidden, 1, true)?,
            ])
        };
        Ok(Self { layers, heads: (0..outputs).map(head).collect::<Result<_>>()? })
    }

    /// hᵢ ‖ xᵢ of every operator: what the heads read.
    fn rows(&self, batch: &GraphBatch) -> Result<Tensor> {
        // The features travel beside the embedding, to whichever rows the layer ends on.
        let (mut h, mut x) = (batch.nodes.shallow_clone(), batch.nodes.shallow_clone());
        for (l, layer) in self.layers.iter().enumerate() {
            let hop = batch.layer_edges(l)?;
            h = layer.forward(&h, hop)?.f_relu().map_err(torch("ReLU"))?;
            x = hop.residual_rows(&x)?;
        }
        if self.layers.is_empty() {
            return Ok(h);
        }
        Tensor::f_cat(&[h, x], 1).map_err(torch("head"))
    }

    /// Embeddings of the graphs before any head, Σᵢ hᵢ ‖ xᵢ: (G, hidden + inputs).
    ///
    /// # Errors
    /// The batch has another width or was built for fewer layers.
    pub fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        Ok(batch.graph_of_row.sum(&self.rows(batch)?, None)?)
    }

    /// Time of each operator for each of `heads`: (rows of the last layer, heads), positive. Rows are the nodes of the
    /// batch, or their classes when it is compressed.
    ///
    /// # Errors
    /// The batch has another width or was built for fewer layers; an output without a head, or no output.
    pub fn operators(&self, batch: &GraphBatch, heads: &[usize]) -> Result<Tensor> {
        let heads = select(&self.heads, heads)?;
        let rows = self.rows(batch)?;
        let column = |head: &[Linear; 3]| -> Result<Tensor> {
            let h = head[0].forward(&rows)?.f_relu().map_err(torch("ReLU"))?;
            let h = head[1].forward(&h)?.f_relu().map_err(torch("ReLU"))?;
            Ok(head[2].forward(&h)?)
        };
        let z = columns(heads.into_iter().map(column).collect::<Result<_>>()?)?;
        z.f_clamp(-LIMIT, LIMIT).and_then(|z| z.f_exp()).map_err(torch("head"))
    }

    /// Predictions for each of `heads`: (G, heads), positive.
    ///
    /// # Errors
    /// As [`OperatorSum::operators`].
    pub fn forward(&self, batch: &GraphBatch, heads: &[usize]) -> Result<Tensor> {
        Ok(batch.graph_of_row.sum(&self.operators(batch, heads)?, None)?)
    }
}
