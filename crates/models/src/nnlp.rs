//! NNLP, the predictor of NNLQP.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{Context, Conv, GraphBatch, Linear, Sage, SageConfig, relu_dropout, torch};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Network, NetworkConfig, Result,
    heads::{columns, select},
    network::widths,
};

/// Settings of [`Nnlp`]; the defaults are the published ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NnlpConfig {
    /// Width of the graph layers and of the heads.
    pub hidden: i64,
    /// Number of GraphSAGE layers.
    pub layers: usize,
    /// Dropout after every hidden layer, in training.
    pub dropout: f64,
    /// Divide node embeddings by their L2 norm in every graph layer.
    pub normalize: bool,
    /// Pass the graph features through a linear layer of their own before they join the embedding
    /// (the reference's `norm_sf`).
    pub embed_globals: bool,
}

impl Default for NnlpConfig {
    fn default() -> Self {
        Self { hidden: 512, layers: 2, dropout: 0.05, normalize: true, embed_globals: false }
    }
}

impl NetworkConfig for NnlpConfig {
    const KIND: &'static str = "nnlp";

    fn layers(&self) -> usize {
        self.layers
    }

    fn compressible(&self) -> bool {
        self.dropout == 0.0
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
        let [nodes, _, globals] = widths(schema);
        Ok(Box::new(Nnlp::new(vs, nodes, globals, outputs.len(), self)?))
    }

    fn variants() -> Vec<Self> {
        let narrow = Self { hidden: 8, dropout: 0.0, ..Self::default() };
        vec![narrow.clone(), Self { embed_globals: true, normalize: false, ..narrow }]
    }
}

/// NNLP (Liu et al., "NNLQP: A Multi-Platform Neural Network Latency Query and Prediction System with An
/// Evolving Database", ICPP 2022): GraphSAGE layers, a sum over nodes, the graph features beside it, and
/// one head per output:
///
/// h⁽ˡ⁺¹⁾ = dropout(ReLU(SAGE(h⁽ˡ⁾))), g = Σᵢ hᵢ ‖ globals, y = softplus(−MLP(g))
///
/// # Shapes
/// A batch of G graphs with node features of width `inputs` and `globals` graph features, and H heads →
/// (G, H), in the unit of the training targets.
#[derive(Debug)]
pub struct Nnlp {
    layers: Vec<Sage>,
    globals: Option<Linear>,
    heads: Vec<[Linear; 3]>,
    dropout: f64,
}

impl Nnlp {
    fn new(vs: &nn::Path<'_>, inputs: i64, globals: i64, outputs: usize, config: &NnlpConfig) -> Result<Self> {
        let hidden = config.hidden;
        let sage = SageConfig { normalize: config.normalize, ..SageConfig::default() };
        let layer = |l: usize| {
            let width = if l == 0 { inputs } else { hidden };
            Sage::new(&(vs / "graph" / l), width, hidden, sage)
        };
        let layers = (0..config.layers).map(layer).collect::<Result<_, _>>()?;
        let width = if config.embed_globals { hidden } else { globals };
        let embed = config.embed_globals.then(|| Linear::new(&(vs / "globals"), globals, hidden, true)).transpose()?;
        let head = |d: usize| -> Result<[Linear; 3]> {
            let vs = vs / "heads" / d;
            Ok([
                Linear::new(&(&vs / 0), hidden + width, hidden, true)?,
                Linear::new(&(&vs / 1), hidden, hidden, true)?,
                Linear::new(&(&vs / 2), hidden, 1, true)?,
            ])
        };
        let heads = (0..outputs).map(head).collect::<Result<_>>()?;
        Ok(Self { layers, globals: embed, heads, dropout: config.dropout })
    }

    /// Σᵢ hᵢ ‖ globals: (G, hidden + graph features).
    fn pooled(&self, batch: &GraphBatch, train: bool) -> Result<Tensor> {
        let mut h = batch.nodes.shallow_clone();
        for (l, layer) in self.layers.iter().enumerate() {
            h = self.activate(layer.forward(&h, batch.layer_edges(l)?, &Context::default())?, train)?;
        }
        let sum = batch.graph_of_row.sum(&h, None)?;
        let globals = match &self.globals {
            Some(linear) => self.activate(linear.forward(&batch.globals)?, train)?,
            None => batch.globals.shallow_clone(),
        };
        Ok(Tensor::f_cat(&[sum, globals], 1).map_err(torch("read-out"))?)
    }

    fn activate(&self, x: Tensor, train: bool) -> Result<Tensor> {
        if train && self.dropout > 0.0 {
            return Ok(relu_dropout(&x, self.dropout)?);
        }
        Ok(x.f_relu().map_err(torch("ReLU"))?)
    }
}

impl Network for Nnlp {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], train: bool) -> Result<Tensor> {
        let heads = select(&self.heads, outputs)?;
        let g = self.pooled(batch, train)?;
        let column = |head: &[Linear; 3]| -> Result<Tensor> {
            let h = self.activate(head[0].forward(&g)?, train)?;
            let h = self.activate(head[1].forward(&h)?, train)?;
            Ok(head[2].forward(&h)?)
        };
        let z = columns(heads.into_iter().map(column).collect::<Result<_>>()?)?;
        Ok(z.f_neg().and_then(|z| z.f_softplus()).map_err(torch("head"))?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        self.pooled(batch, false)
    }
}
