//! Latency as a sum over operators, each seen in its context. Our own model.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{Context, Conv, GraphBatch, Linear, Sage, SageConfig, torch};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Network, NetworkConfig, Result,
    heads::{columns, select},
    network::widths,
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

impl NetworkConfig for OperatorSumConfig {
    const KIND: &'static str = "operator-sum";
    const ALIASES: &'static [&'static str] = &["additive"];

    fn layers(&self) -> usize {
        self.layers
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
        let [nodes, ..] = widths(schema);
        Ok(Box::new(OperatorSum::new(vs, nodes, outputs.len(), self)?))
    }

    fn variants() -> Vec<Self> {
        vec![Self { hidden: 8, layers: 2 }, Self { hidden: 8, layers: 0 }]
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
    fn new(vs: &nn::Path<'_>, inputs: i64, outputs: usize, config: &OperatorSumConfig) -> Result<Self> {
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
            h = layer.forward(&h, hop, &Context::default())?.f_relu().map_err(torch("ReLU"))?;
            x = hop.residual_rows(&x)?;
        }
        if self.layers.is_empty() {
            return Ok(h);
        }
        Ok(Tensor::f_cat(&[h, x], 1).map_err(torch("head"))?)
    }

    /// tᵢ: (rows, outputs).
    fn times(&self, batch: &GraphBatch, outputs: &[usize]) -> Result<Tensor> {
        let heads = select(&self.heads, outputs)?;
        let rows = self.rows(batch)?;
        let column = |head: &[Linear; 3]| -> Result<Tensor> {
            let h = head[0].forward(&rows)?.f_relu().map_err(torch("ReLU"))?;
            let h = head[1].forward(&h)?.f_relu().map_err(torch("ReLU"))?;
            Ok(head[2].forward(&h)?)
        };
        let z = columns(heads.into_iter().map(column).collect::<Result<_>>()?)?;
        Ok(z.f_clamp(-LIMIT, LIMIT).and_then(|z| z.f_exp()).map_err(torch("head"))?)
    }
}

impl Network for OperatorSum {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], _: bool) -> Result<Tensor> {
        Ok(batch.graph_of_row.sum(&self.times(batch, outputs)?, None)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        Ok(batch.graph_of_row.sum(&self.rows(batch)?, None)?)
    }

    fn operators(&self, batch: &GraphBatch, output: usize) -> Result<Option<Tensor>> {
        Ok(Some(self.times(batch, &[output])?.f_squeeze_dim(1).map_err(torch("operators"))?))
    }
}
