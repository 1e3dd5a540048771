//! GTuner: graph convolutions over the loops of a tensor program, and attention among its statistics.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{
    BatchOptions, Context, Conv, GraphBatch, GraphConvConfig, LayerConfig, Linear, MultiHeadAttentionConfig, Pool,
    VectorAttention, torch,
};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Network, NetworkConfig, Result,
    mlp::{Mlp, read},
    network::widths,
    rows::beside,
    stack::Activation,
};

/// Settings of [`Gtuner`], ablations among them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GtunerConfig {
    /// The graph layer: `graph-conv` is WL-GCN; `gcn` SpecGCN, `gat` the masked attention and `sage` GraphSAGE of the
    /// published ablation.
    pub conv: LayerConfig,
    /// Graph layers; 0: statistics alone ("MHSA").
    pub layers: usize,
    /// Their width: not published, our choice.
    pub hidden: i64,
    /// Attention among the parts of the vector; without it "GNN + MLP".
    pub attention: bool,
    /// Length of that vector.
    pub width: i64,
    /// Heads of attention, and parts that the vector is cut into.
    pub heads: i64,
    /// Widths behind it.
    pub mlp: Vec<i64>,
}

impl Default for GtunerConfig {
    fn default() -> Self {
        let conv = GraphConvConfig::default().into();
        Self { conv, layers: 2, hidden: 64, attention: true, width: 512, heads: 4, mlp: vec![200, 100, 20] }
    }
}

impl NetworkConfig for GtunerConfig {
    const KIND: &'static str = "gtuner";

    fn layers(&self) -> usize {
        self.layers
    }

    fn batch_options(&self, _: bool) -> BatchOptions {
        BatchOptions { layers: self.layers, ..self.conv.batch_options() }
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
        let [nodes, _, globals] = widths(schema);
        Ok(Box::new(Gtuner::new(vs, [nodes, globals], outputs.len(), self)?))
    }

    // Without graph layers it reads no rows, and is tested in `dense.rs` alone.
    fn variants() -> Vec<Self> {
        let narrow = Self { hidden: 8, width: 16, heads: 2, mlp: vec![16, 16], ..Self::default() };
        let of = |conv: LayerConfig| Self { conv, ..narrow.clone() };
        vec![
            narrow.clone(),
            of(tachograph_gnn::GcnConfig::default().into()),
            of(tachograph_gnn::GatConfig::default().into()),
            of(tachograph_gnn::SageConfig::default().into()),
            Self { attention: false, ..narrow },
        ]
    }
}

/// GTuner's estimator (Sun et al., "GTuner: Tuning DNN Computations on GPU via Graph Attention Network", DAC 2022), whose
/// rows are the loops and stores of a program, and whose graph features are its statistics:
///
/// hᵢ ← ReLU(GraphConv(h)ᵢ) twice, z = ReLU(W (meanᵢ hᵢ ‖ statistics)), a = MHSA(z cut into four), y = MLP(a)
///
/// The publication has z of length 512, 4 heads, and an MLP of 200-100-20-1. Its graph's columns, the width of its
/// convolutions, the activation behind W, its loss and its optimiser are not known: ours are 64, ReLU, and TLP's LambdaRank.
/// The output is a score: any number.
///
/// # Shapes
/// A batch of G programs with rows and graph features as given, and H heads → (G, H)
#[derive(Debug)]
pub struct Gtuner {
    layers: Vec<Box<dyn Conv>>,
    join: Linear,
    attention: Option<VectorAttention>,
    heads: Vec<Mlp>,
}

impl Gtuner {
    fn new(vs: &nn::Path<'_>, [nodes, globals]: [i64; 2], outputs: usize, config: &GtunerConfig) -> Result<Self> {
        let (mut layers, mut width) = (Vec::new(), nodes);
        for l in 0..config.layers {
            let layer = config.conv.layer(&(vs / "graph" / l), width, config.hidden)?;
            width = layer.width();
            layers.push(layer);
        }
        let pooled = if config.layers == 0 { 0 } else { width };
        let heads = MultiHeadAttentionConfig { heads: config.heads, ..MultiHeadAttentionConfig::default() };
        let attention = || VectorAttention::new(&(vs / "attention"), config.width, heads);
        Ok(Self {
            layers,
            join: Linear::new(&(vs / "join"), pooled + globals, config.width, true)?,
            attention: config.attention.then(attention).transpose()?,
            heads: Mlp::heads(vs, config.width, &config.mlp, 0.0, outputs)?,
        })
    }

    fn vector(&self, batch: &GraphBatch, train: bool) -> Result<Tensor> {
        let joined = if self.layers.is_empty() {
            batch.globals.shallow_clone()
        } else {
            let mut h = batch.nodes.shallow_clone();
            let context = Context { train, ..Context::default() };
            for (l, layer) in self.layers.iter().enumerate() {
                h = Activation::Relu.apply(&layer.forward(&h, batch.layer_edges(l)?, &context)?)?;
            }
            beside(&[&Pool::Mean.apply(&batch.graph_of_row, &h)?, &batch.globals])?
        };
        let z = self.join.forward(&joined)?.f_relu().map_err(torch("GTuner"))?;
        Ok(match &self.attention {
            Some(attention) => attention.forward(&z, train)?,
            None => z,
        })
    }
}

impl Network for Gtuner {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], train: bool) -> Result<Tensor> {
        read(&self.heads, outputs, &self.vector(batch, train)?, train)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        self.vector(batch, false)
    }
}
