//! Edge-aware graph attention, as SLAPP has it.

use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor, nn};

use super::{
    Context, Conv, ConvConfig,
    parts::{drop_out, leaky_relu, scores},
};
use crate::{LayerEdges, Linear, Result, check, error::torch, init};

const LAYER: &str = "edge-aware attention";

/// Settings of [`EdgeAttention`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EdgeAttentionConfig {
    /// Number of heads, side by side in the output.
    pub heads: i64,
    /// Features per edge, before and after the layer.
    pub edge_features: i64,
    /// Slope of the leaky ReLU below 0.
    pub slope: f64,
    /// Dropout of attention coefficients, in training.
    pub dropout: f64,
}

impl Default for EdgeAttentionConfig {
    fn default() -> Self {
        Self { heads: 4, edge_features: 1, slope: 0.2, dropout: 0.0 }
    }
}

impl ConvConfig for EdgeAttentionConfig {
    const KIND: &'static str = "edge-attention";

    type Layer = EdgeAttention;

    fn layer(&self, vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Result<EdgeAttention> {
        EdgeAttention::new(vs, inputs, outputs, *self)
    }

    fn variants(edge_features: i64) -> Vec<Self> {
        vec![Self { heads: 3, edge_features, ..Self::default() }]
    }
}

/// Graph attention that looks at edges, carries them in its messages and updates them. SLAPP (Wang et al., Neural
/// Networks 170, 2024) does not publish the equations of its layer; these are ours, after its description. For
/// every head:
///
/// αⱼᵢ = softmax_j(LeakyReLU(a_dst·W·hᵢ + a_src·W·hⱼ + a_edge·U·eⱼᵢ))
/// h'ᵢ = ELU(Σ_{j→i} αⱼᵢ·(W·hⱼ + V·eⱼᵢ))
/// e'ⱼᵢ = ReLU(P·[h'ᵢ ‖ h'ⱼ ‖ eⱼᵢ])
///
/// A node without in-edges becomes 0.
///
/// # Shapes
/// nodes (sources, in) and edges (edges, `edge_features`) → nodes (destinations, heads · out);
/// [`EdgeAttention::update`] → edges (edges, `edge_features`)
#[derive(Debug)]
pub struct EdgeAttention {
    node: Linear,
    /// U and V.
    edge: [Linear; 2],
    /// Of source, destination and edge: (1, heads, out).
    attention: [Tensor; 3],
    /// P: (`edge_features`, 2 · heads · out + `edge_features`).
    update: Tensor,
    inputs: i64,
    outputs: i64,
    config: EdgeAttentionConfig,
}

impl EdgeAttention {
    /// Adds `node.weight` (W), `edge_score.weight` (U), `edge_value.weight` (V), `att_src`, `att_dst`, `att_edge`
    /// and `update` (P) under `vs`.
    ///
    /// # Errors
    /// No heads, outputs or edge features.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: i64, config: EdgeAttentionConfig) -> Result<Self> {
        let (heads, features) = (config.heads, config.edge_features);
        check::positive(LAYER, "number of heads", heads)?;
        check::positive(LAYER, "output width", outputs)?;
        check::positive(LAYER, "number of edge features", features)?;
        let width = heads * outputs;
        let attention = |name| init::glorot(vs, name, &[1, heads, outputs]);
        let edge = |name: &str| Linear::glorot(&(vs / name), features, width);
        Ok(Self {
            node: Linear::glorot(&(vs / "node"), inputs, width)?,
            edge: [edge("edge_score")?, edge("edge_value")?],
            attention: [attention("att_src")?, attention("att_dst")?, attention("att_edge")?],
            update: init::glorot(vs, "update", &[features, 2 * width + features])?,
            inputs,
            outputs,
            config,
        })
    }

    /// The edges after the layer, from the nodes `x` that the layer returned. `edges` are those of
    /// the next layer, and `features` are brought to it by [`LayerEdges::parent_edges`].
    ///
    /// # Errors
    /// `x` is not (sources, heads · out), or `features` not (edges, `edge_features`).
    pub fn update(&self, x: &Tensor, edges: &LayerEdges, features: &Tensor) -> Result<Tensor> {
        let (adjacency, width) = (&edges.edges, self.config.heads * self.outputs);
        check::width(LAYER, "nodes for edges", x, width)?;
        check::shape(LAYER, "edge features", features, &[adjacency.len(), self.config.edge_features])?;
        let part = |x: &Tensor, start, length| {
            let weight = self.update.f_narrow(1, start, length);
            weight.and_then(|w| x.f_linear(&w, None::<&Tensor>)).map_err(torch(LAYER))
        };
        let here = adjacency.from_destinations(&edges.residual_rows(&part(x, 0, width)?)?)?;
        let there = adjacency.from_sources(&part(x, width, width)?)?;
        let own = part(features, 2 * width, self.config.edge_features)?;
        here.f_add(&there).and_then(|e| e.f_add(&own)?.f_relu()).map_err(torch(LAYER))
    }

    /// (destinations, heads · `edge_features`) → (destinations, heads · out), head by head.
    fn project(&self, x: &Tensor, linear: &Linear) -> Result<Tensor, TchError> {
        let (heads, features) = (self.config.heads, self.config.edge_features);
        let weight = linear.weight().f_view([heads, self.outputs, features])?.f_transpose(1, 2)?;
        let n = x.size()[0];
        let y = x.f_view([n, heads, features])?.f_transpose(0, 1)?.f_bmm(&weight)?;
        y.f_transpose(0, 1)?.f_reshape([n, heads * self.outputs])
    }
}

impl Conv for EdgeAttention {
    fn width(&self) -> i64 {
        self.config.heads * self.outputs
    }

    fn edge_features(&self) -> i64 {
        self.config.edge_features
    }

    /// The nodes; [`EdgeAttention::update`] goes on to the edges.
    fn forward(&self, x: &Tensor, edges: &LayerEdges, context: &Context<'_>) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.inputs)?;
        let adjacency = &edges.edges;
        let features = context.edge_features(LAYER, edges, self.config.edge_features, x.kind())?;
        let features = features.ok_or_else(|| check::missing(LAYER, "edge features"))?;
        let [source, destination, edge] = &self.attention;
        let [keys, values] = &self.edge;
        let [source, destination] = scores(x, [source, destination], &self.node)?;
        let (there, here) =
            (adjacency.from_sources(&source)?, adjacency.from_destinations(&edges.residual_rows(&destination)?)?);
        let [edge] = scores(&features, [edge], keys)?;
        let logits = there.f_add(&here).map_err(torch(LAYER))?.f_add(&edge);
        let alpha = adjacency.softmax(&leaky_relu(&logits.map_err(torch(LAYER))?, self.config.slope)?)?;
        let alpha = drop_out(alpha, self.config.dropout, context.train).map_err(torch(LAYER))?;
        let nodes = adjacency.sum(&self.node.forward(x)?, Some(&alpha))?;
        // Σ α·V·e = V·Σ α·e: edges are summed at their own width.
        let weighted = outer(&alpha, &features).map_err(torch(LAYER))?;
        let edges = self.project(&adjacency.sum_edges(&weighted)?, values).map_err(torch(LAYER))?;
        nodes.f_add(&edges).and_then(|y| y.f_elu()).map_err(torch(LAYER))
    }
}

/// (edges, heads) and (edges, w) → (edges, heads · w).
fn outer(alpha: &Tensor, features: &Tensor) -> Result<Tensor, TchError> {
    alpha.f_unsqueeze(2)?.f_mul(&features.f_unsqueeze(1)?)?.f_flatten(1, 2)
}
