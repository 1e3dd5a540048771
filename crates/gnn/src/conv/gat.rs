//! Graph attention, the first version.

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

use super::{
    Context, Conv, ConvConfig,
    parts::{drop_out, heads_out, leaky_relu, scores},
};
use crate::{BatchOptions, LayerEdges, Linear, Result, check, error::torch, init};

const LAYER: &str = "GAT";

/// Settings of [`Gat`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatConfig {
    /// Number of heads.
    pub heads: i64,
    /// Heads side by side; otherwise their mean.
    pub concat: bool,
    /// Slope of the leaky ReLU below 0.
    pub slope: f64,
    /// Dropout of attention coefficients, in training.
    pub dropout: f64,
    /// Features per edge that attention looks at; 0: none.
    pub edge_features: i64,
    /// A bias after the aggregation.
    pub bias: bool,
}

impl Default for GatConfig {
    fn default() -> Self {
        Self { heads: 1, concat: true, slope: 0.2, dropout: 0.0, edge_features: 0, bias: true }
    }
}

impl ConvConfig for GatConfig {
    const KIND: &'static str = "gat";

    type Layer = Gat;

    fn layer(&self, vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Result<Gat> {
        Gat::new(vs, inputs, outputs, *self)
    }

    fn batch_options(&self) -> BatchOptions {
        BatchOptions { compressed: true, self_loops: true, ..BatchOptions::default() }
    }

    fn variants(edge_features: i64) -> Vec<Self> {
        vec![Self { heads: 2, concat: false, ..Self::default() }, Self { heads: 2, edge_features, ..Self::default() }]
    }
}

/// Graph attention (Veličković et al., ICLR 2018; `GATConv` of PyTorch Geometric), for every head:
///
/// x'ᵢ = Σ_{j→i} αⱼᵢ·W·xⱼ + b,
/// αⱼᵢ = softmax_j(LeakyReLU(a_src·W·xⱼ + a_dst·W·xᵢ + a_edge·W_e·eⱼᵢ))
///
/// The layer takes the edges as they are: for PyTorch Geometric's default, build the batch with `self_loops`. A
/// node without in-edges becomes b. Scores are computed as x·(Wᵀa), so that the projection W·x is read only by
/// the sum.
///
/// # Shapes
/// (sources, in) → (destinations, heads · out), or (destinations, out) for the mean;
/// edge features (edges, `edge_features`)
#[derive(Debug)]
pub struct Gat {
    linear: Linear,
    /// Of sources, of destinations: (1, heads, out).
    attention: [Tensor; 2],
    /// W_e and a_edge.
    edge: Option<(Linear, Tensor)>,
    bias: Option<Tensor>,
    inputs: i64,
    width: i64,
    config: GatConfig,
}

impl Gat {
    /// Adds `lin.weight`, `att_src`, `att_dst`, `bias` and, for edge features, `lin_edge.weight` and `att_edge`
    /// under `vs`, the names of PyTorch Geometric.
    ///
    /// # Errors
    /// No heads or no outputs.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: i64, config: GatConfig) -> Result<Self> {
        check::positive(LAYER, "number of heads", config.heads)?;
        check::positive(LAYER, "output width", outputs)?;
        let heads = config.heads;
        let width = if config.concat { heads * outputs } else { outputs };
        let attention = |name| init::glorot(vs, name, &[1, heads, outputs]);
        let edge = || -> Result<_> {
            let linear = Linear::glorot(&(vs / "lin_edge"), config.edge_features, heads * outputs)?;
            Ok((linear, attention("att_edge")?))
        };
        Ok(Self {
            linear: Linear::glorot(&(vs / "lin"), inputs, heads * outputs)?,
            attention: [attention("att_src")?, attention("att_dst")?],
            edge: (config.edge_features > 0).then(edge).transpose()?,
            bias: init::bias(vs, config.bias, width)?,
            inputs,
            width,
            config,
        })
    }

    /// (edges, heads)
    fn coefficients(&self, x: &Tensor, layer: &LayerEdges, features: Option<&Tensor>, train: bool) -> Result<Tensor> {
        let edges = &layer.edges;
        let [source, destination] = &self.attention;
        let [source, destination] = scores(x, [source, destination], &self.linear)?;
        let (there, here) =
            (edges.from_sources(&source)?, edges.from_destinations(&layer.residual_rows(&destination)?)?);
        let mut logits = there.f_add(&here).map_err(torch(LAYER))?;
        if let (Some(features), Some((linear, attention))) = (features, &self.edge) {
            let [edge] = scores(features, [attention], linear)?;
            logits = logits.f_add(&edge).map_err(torch(LAYER))?;
        }
        let alpha = edges.softmax(&leaky_relu(&logits, self.config.slope)?)?;
        drop_out(alpha, self.config.dropout, train).map_err(torch(LAYER))
    }
}

impl Conv for Gat {
    fn width(&self) -> i64 {
        self.width
    }

    fn edge_features(&self) -> i64 {
        self.config.edge_features
    }

    fn forward(&self, x: &Tensor, edges: &LayerEdges, context: &Context<'_>) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.inputs)?;
        let features = context.edge_features(LAYER, edges, self.config.edge_features, x.kind())?;
        let alpha = self.coefficients(x, edges, features.as_ref(), context.train)?;
        let y = edges.edges.sum(&self.linear.forward(x)?, Some(&alpha))?;
        heads_out(y, self.config.heads, self.config.concat, self.bias.as_ref()).map_err(torch(LAYER))
    }
}
