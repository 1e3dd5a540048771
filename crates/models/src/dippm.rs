//! DIPPM.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{Context, Conv, GraphBatch, Linear, Sage, SageConfig, torch};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Network, NetworkConfig, Result,
    mlp::{Mlp, activate, read},
    network::widths,
};

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

impl NetworkConfig for DippmConfig {
    const KIND: &'static str = "dippm";

    fn layers(&self) -> usize {
        2 * self.blocks
    }

    fn compressible(&self) -> bool {
        self.dropout == 0.0
    }

    fn target_scale(&self, quantity: Quantity) -> Option<f64> {
        Some(match quantity {
            Quantity::Latency => 1000.0,
            Quantity::Energy => 10.0,
            Quantity::Memory => 1.0,
        })
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
        let [nodes, _, globals] = widths(schema);
        Ok(Box::new(Dippm::new(vs, nodes, globals, outputs.len(), self)?))
    }

    fn variants() -> Vec<Self> {
        vec![Self { hidden: 8, dropout: 0.0, ..Self::default() }]
    }
}

/// DIPPM (Panner Selvam and Brorsson, "DIPPM: a Deep Learning Inference Performance Predictive Model using Graph
/// Neural Networks", Euro-Par 2023; `model.py` of karthickai/dippm). GraphSAGE layers whose rows are L2-normalised:
///
/// h⁽ᵇ⁺¹⁾ = dropout(ReLU(SAGE(ReLU(SAGE(h⁽ᵇ⁾))))), g = Σᵢ hᵢ ‖ globals,
/// y = softplus(−(W·f + c)), f = three times dropout(ReLU(linear)) of g
///
/// All that comes before W is shared by the outputs. The published network has three: latency, energy and memory,
/// whose targets are multiplied
/// with 1000 (ms), 10 (J) and 1 (MB) before the loss ([`NetworkConfig::target_scale`]).
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
    fn new(vs: &nn::Path<'_>, inputs: i64, globals: i64, outputs: usize, config: &DippmConfig) -> Result<Self> {
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

    /// f: (G, hidden).
    fn pooled(&self, batch: &GraphBatch, train: bool) -> Result<Tensor> {
        let (mut h, context) = (batch.nodes.shallow_clone(), Context::default());
        for (b, [first, second]) in self.blocks.iter().enumerate() {
            h = first.forward(&h, batch.layer_edges(2 * b)?, &context)?.f_relu().map_err(torch("ReLU"))?;
            h = activate(&second.forward(&h, batch.layer_edges(2 * b + 1)?, &context)?, self.dropout, train)?;
        }
        let sum = batch.graph_of_row.sum(&h, None)?;
        let mut g = Tensor::f_cat(&[&sum, &batch.globals], 1).map_err(torch("read-out"))?;
        for linear in &self.linear {
            g = activate(&linear.forward(&g)?, self.dropout, train)?;
        }
        Ok(g)
    }
}

impl Network for Dippm {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], train: bool) -> Result<Tensor> {
        let z = read(&self.heads, outputs, &self.pooled(batch, train)?, train)?;
        Ok(z.f_neg().and_then(|z| z.f_softplus()).map_err(torch("head"))?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        self.pooled(batch, false)
    }
}
