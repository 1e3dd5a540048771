//! Graph attention, the second version.

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

use super::{
    Context, Conv, ConvConfig,
    parts::{drop_out, heads_out, leaky_relu, own},
};
use crate::{BatchOptions, LayerEdges, Linear, Result, check, error::torch, init};

const LAYER: &str = "GATv2";

/// Settings of [`GatV2`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatV2Config {
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
    /// Biases in the projections and after the aggregation.
    pub bias: bool,
    /// One projection for sources and destinations.
    pub share_weights: bool,
}

impl Default for GatV2Config {
    fn default() -> Self {
        Self { heads: 1, concat: true, slope: 0.2, dropout: 0.0, edge_features: 0, bias: true, share_weights: false }
    }
}

impl ConvConfig for GatV2Config {
    const KIND: &'static str = "gatv2";

    type Layer = GatV2;

    fn layer(&self, vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Result<GatV2> {
        GatV2::new(vs, inputs, outputs, *self)
    }

    fn batch_options(&self) -> BatchOptions {
        BatchOptions { compressed: true, self_loops: true, ..BatchOptions::default() }
    }

    fn variants(edge_features: i64) -> Vec<Self> {
        let plain = Self { heads: 2, ..Self::default() };
        vec![Self { concat: false, ..plain }, Self { edge_features, share_weights: true, ..plain }]
    }
}

/// Graph attention whose ranking of neighbours depends on the node that asks (Brody, Alon, Yahav, ICLR 2022;
/// `GATv2Conv` of PyTorch Geometric), for every head:
///
/// x'ᵢ = Σ_{j→i} αⱼᵢ·(W_l·xⱼ + b_l) + b,
/// αⱼᵢ = softmax_j(a·LeakyReLU(W_l·xⱼ + b_l + W_r·xᵢ + b_r + W_e·eⱼᵢ))
///
/// The layer takes the edges as they are: for PyTorch Geometric's default, build the batch with `self_loops`. A
/// node without in-edges becomes b.
///
/// For cost models of tensor programs, where which neighbour matters depends on the node. No predictor of
/// `tachograph-models` uses it.
///
/// # Shapes
/// (sources, in) → (destinations, heads · out), or (destinations, out) for the mean;
/// edge features (edges, `edge_features`)
#[derive(Debug)]
pub struct GatV2 {
    source: Linear,
    /// `None`: that of the sources.
    destination: Option<Linear>,
    edge: Option<Linear>,
    attention: Tensor,
    bias: Option<Tensor>,
    inputs: i64,
    outputs: i64,
    /// Of what it returns.
    width: i64,
    config: GatV2Config,
}

impl GatV2 {
    /// Adds `lin_l`, `lin_r`, `att`, `bias` and, for edge features, `lin_edge.weight` under `vs`, the names of
    /// PyTorch Geometric.
    ///
    /// # Errors
    /// No heads or no outputs.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: i64, config: GatV2Config) -> Result<Self> {
        check::positive(LAYER, "number of heads", config.heads)?;
        check::positive(LAYER, "output width", outputs)?;
        let side_by_side = config.heads * outputs;
        let width = if config.concat { side_by_side } else { outputs };
        let destination = || Linear::new(&(vs / "lin_r"), inputs, side_by_side, config.bias);
        let edge = || Linear::glorot(&(vs / "lin_edge"), config.edge_features, side_by_side);
        Ok(Self {
            source: Linear::new(&(vs / "lin_l"), inputs, side_by_side, config.bias)?,
            destination: (!config.share_weights).then(destination).transpose()?,
            edge: (config.edge_features > 0).then(edge).transpose()?,
            attention: init::glorot(vs, "att", &[1, config.heads, outputs])?,
            bias: init::bias(vs, config.bias, width)?,
            inputs,
            outputs,
            width,
            config,
        })
    }
}

impl Conv for GatV2 {
    fn width(&self) -> i64 {
        self.width
    }

    fn edge_features(&self) -> i64 {
        self.config.edge_features
    }

    fn forward(&self, x: &Tensor, edges: &LayerEdges, context: &Context<'_>) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.inputs)?;
        let adjacency = &edges.edges;
        let features = context.edge_features(LAYER, edges, self.config.edge_features, x.kind())?;
        let source = self.source.forward(x)?;
        let destination = match &self.destination {
            Some(linear) => own(edges, x, linear)?,
            None => edges.residual_rows(&source)?,
        };
        let mut mixed = adjacency.from_sources(&source)?;
        mixed = mixed.f_add_(&adjacency.from_destinations(&destination)?).map_err(torch(LAYER))?;
        if let (Some(features), Some(linear)) = (&features, &self.edge) {
            mixed = linear.add_to(mixed, features)?;
        }
        let mixed = leaky_relu(&mixed, self.config.slope)?;
        let logits = mixed
            .f_view([-1, self.config.heads, self.outputs])
            .and_then(|m| m.f_mul(&self.attention)?.f_sum_dim_intlist([2i64].as_slice(), false, None::<tch::Kind>));
        let alpha = adjacency.softmax(&logits.map_err(torch(LAYER))?)?;
        let alpha = drop_out(alpha, self.config.dropout, context.train).map_err(torch(LAYER))?;
        let y = adjacency.sum(&source, Some(&alpha))?;
        heads_out(y, self.config.heads, self.config.concat, self.bias.as_ref()).map_err(torch(LAYER))
    }
}
