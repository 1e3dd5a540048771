//! The attention-based node–edge encoder of DNNPerf.

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

use super::{Context, Conv, ConvConfig, parts::leaky_relu};
use crate::{LayerEdges, Linear, Result, check, error::torch};

const LAYER: &str = "ANEE";

/// What an edge decides; the published equation can be read either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AneeGate {
    /// The share of its source among the in-neighbours: one number an edge, softmax over the edges into a node.
    #[default]
    Edges,
    /// The share of every channel of its source: softmax over the channels of each edge.
    Channels,
    /// How far its source passes: one number an edge, a sigmoid in place of the softmax.
    Sigmoid,
}

/// Settings of [`Anee`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AneeConfig {
    /// Features per edge, before and after the layer.
    pub edge_features: i64,
    /// What the softmax runs over.
    pub gate: AneeGate,
    /// Slope of the leaky ReLUs below 0.
    pub slope: f64,
}

impl Default for AneeConfig {
    fn default() -> Self {
        Self { edge_features: 1, gate: AneeGate::Edges, slope: 0.01 }
    }
}

impl ConvConfig for AneeConfig {
    const KIND: &'static str = "anee";

    type Layer = Anee;

    fn layer(&self, vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Result<Anee> {
        Anee::new(vs, inputs, outputs, *self)
    }

    fn variants(edge_features: i64) -> Vec<Self> {
        let gates = [AneeGate::Edges, AneeGate::Channels, AneeGate::Sigmoid];
        gates.map(|gate| Self { edge_features, gate, ..Self::default() }).to_vec()
    }
}

/// Attention-based node–edge encoder (Gao et al., "Runtime Performance Prediction for Deep Learning Models with
/// Graph Neural Network", ICSE-SEIP 2023):
///
/// h̄ᵤ = LeakyReLU(W_u·hᵤ)
/// e'ⱼᵢ = σ((a·[h̄ⱼ ‖ h̄ᵢ])·(W_e·eⱼᵢ))
/// h'ᵢ = LeakyReLU(Σ_{j→i} softmax(W_m·e'ⱼᵢ) ⊙ h̄ⱼ)
///
/// Edges go from layer to layer through [`LayerEdges::parent_edges`]. There is no self term: a node without in-edges
/// becomes 0. Widths and slope of the original are not known.
///
/// # Shapes
/// nodes (sources, in) and edges (edges, `edge_features`) → nodes (destinations, out) and edges (edges, `edge_features`)
#[derive(Debug)]
pub struct Anee {
    node: Linear,
    edge: Linear,
    /// The halves of a: for the source and for the destination.
    attention: [Linear; 2],
    gate: Linear,
    inputs: i64,
    outputs: i64,
    config: AneeConfig,
}

impl Anee {
    /// Adds `node` (W_u), `edge` (W_e), `source` and `destination` (a) and `gate` (W_m) under `vs`.
    ///
    /// # Errors
    /// No edge features.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: i64, config: AneeConfig) -> Result<Self> {
        let features = config.edge_features;
        check::positive(LAYER, "number of edge features", features)?;
        let linear = |name: &str, inputs, outputs| Linear::new(&(vs / name), inputs, outputs, false);
        let gates = if config.gate == AneeGate::Channels { outputs } else { 1 };
        Ok(Self {
            node: linear("node", inputs, outputs)?,
            edge: linear("edge", features, features)?,
            attention: [linear("source", outputs, 1)?, linear("destination", outputs, 1)?],
            gate: linear("gate", features, gates)?,
            inputs,
            outputs,
            config,
        })
    }

    /// One round of messages: what [`Conv::forward`] returns, and the edges after it.
    ///
    /// # Errors
    /// As [`Conv::forward`].
    pub fn encode(&self, x: &Tensor, edges: &LayerEdges, context: &Context<'_>) -> Result<(Tensor, Tensor)> {
        check::width(LAYER, "input", x, self.inputs)?;
        let adjacency = &edges.edges;
        let features = context.edge_features(LAYER, edges, self.config.edge_features, x.kind())?;
        let features = features.ok_or_else(|| check::missing(LAYER, "edge features"))?;
        let h = leaky_relu(&self.node.forward(x)?, self.config.slope)?;
        let [source, destination] = &self.attention;
        let there = adjacency.from_sources(&source.forward(&h)?)?;
        let here = adjacency.from_destinations(&edges.residual_rows(&destination.forward(&h)?)?)?;
        let edge = self.edge.forward(&features)?;
        let edge = there.f_add(&here).and_then(|s| edge.f_mul(&s)?.f_sigmoid()).map_err(torch(LAYER))?;
        let logits = self.gate.forward(&edge)?;
        let gate = match self.config.gate {
            AneeGate::Edges => adjacency.softmax(&logits)?,
            AneeGate::Channels => logits.f_softmax(1, logits.kind()).map_err(torch(LAYER))?,
            AneeGate::Sigmoid => logits.f_sigmoid().map_err(torch(LAYER))?,
        };
        Ok((leaky_relu(&adjacency.sum(&h, Some(&gate))?, self.config.slope)?, edge))
    }
}

impl Conv for Anee {
    fn width(&self) -> i64 {
        self.outputs
    }

    fn edge_features(&self) -> i64 {
        self.config.edge_features
    }

    /// The nodes; [`Anee::encode`] returns the edges too.
    fn forward(&self, x: &Tensor, edges: &LayerEdges, context: &Context<'_>) -> Result<Tensor> {
        Ok(self.encode(x, edges, context)?.0)
    }
}
