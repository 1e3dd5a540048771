//! DNNPerf.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{Anee, AneeConfig, AneeGate, Context, GraphBatch, Linear, torch};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Error, Network, NetworkConfig, Result,
    mlp::{Mlp, blank, read},
    network::widths,
};

/// Settings of [`DnnPerf`]. Widths, depths and slope of the original are not known; the defaults are our choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DnnPerfConfig {
    /// Number of ANEE layers.
    pub layers: usize,
    /// Width of nodes and edges after a linear projection; 0 keeps the width of the features and has no projection.
    pub width: i64,
    /// What an edge decides.
    pub gate: AneeGate,
    /// All layers have the same weights.
    pub shared: bool,
    /// Slope of the leaky ReLUs below 0.
    pub slope: f64,
    /// The read-out has the mean over nodes beside their sum.
    pub mean: bool,
    /// Widths of the hidden layers of a head.
    pub hidden: Vec<i64>,
}

impl Default for DnnPerfConfig {
    fn default() -> Self {
        let gate = AneeGate::Edges;
        Self { layers: 3, width: 64, gate, shared: false, slope: 0.01, mean: true, hidden: vec![128, 64] }
    }
}

impl DnnPerfConfig {
    /// The settings of a public reimplementation: two rounds with the same weights, as wide as the features, a
    /// sigmoid in place of the softmax, a linear head on the sum over nodes.
    pub fn reimplementation() -> Self {
        let gate = AneeGate::Sigmoid;
        Self { layers: 2, width: 0, gate, shared: true, mean: false, hidden: vec![], ..Self::default() }
    }
}

impl NetworkConfig for DnnPerfConfig {
    const KIND: &'static str = "dnnperf";

    fn layers(&self) -> usize {
        self.layers
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
        let [nodes, edges, _] = widths(schema);
        Ok(Box::new(DnnPerf::new(vs, nodes, edges, outputs.len(), self)?))
    }

    fn variants() -> Vec<Self> {
        let narrow = Self { width: 8, hidden: vec![8, 4], ..Self::default() };
        vec![narrow.clone(), Self { gate: AneeGate::Channels, ..narrow }, Self::reimplementation()]
    }
}

/// DNNPerf (Gao et al., "Runtime Performance Prediction for Deep Learning Models with Graph Neural Network", ICSE-SEIP
/// 2023): attention-based node–edge encoders ([`Anee`]) on the training graph,
///
/// h⁽⁰⁾ = P·x, e⁽⁰⁾ = Q·edges, (h⁽ˡ⁺¹⁾, e⁽ˡ⁺¹⁾) = ANEE(h⁽ˡ⁾, e⁽ˡ⁾), g = Σᵢ hᵢ ‖ meanᵢ hᵢ, y = exp(MLP(g))
///
/// The encoder has no self term: a node without in-edges becomes 0 after one layer. The target is a logarithm, so the
/// output is its exponential.
///
/// # Shapes
/// A batch of G graphs with node features of width `inputs` and edge features of width `edges`, and H heads → (G, H),
/// in the unit of the training targets.
#[derive(Debug)]
pub struct DnnPerf {
    project: Option<[Linear; 2]>,
    /// One, or one for each layer.
    encoders: Vec<Anee>,
    layers: usize,
    heads: Vec<Mlp>,
    /// Width of edge features.
    edges: i64,
    mean: bool,
}

/// Keeps exp within f32 and its gradient alive.
const LIMIT: f64 = 20.0;

impl DnnPerf {
    fn new(vs: &nn::Path<'_>, inputs: i64, edges: i64, outputs: usize, config: &DnnPerfConfig) -> Result<Self> {
        let (nodes, width) = if config.width > 0 { (config.width, config.width) } else { (inputs, edges) };
        let project = || -> Result<[Linear; 2]> {
            let linear = |name: &str, inputs| Linear::new(&(vs / "project" / name), inputs, width, true);
            Ok([linear("nodes", inputs)?, linear("edges", edges)?])
        };
        let anee = AneeConfig { edge_features: width, gate: config.gate, slope: config.slope };
        let encoders = if config.shared { config.layers.min(1) } else { config.layers };
        let encoder = |l: usize| Anee::new(&(vs / "graph" / l), nodes, nodes, anee);
        let pooled = if config.mean { 2 * nodes } else { nodes };
        Ok(Self {
            project: (config.width > 0).then(project).transpose()?,
            encoders: (0..encoders).map(encoder).collect::<Result<_, _>>()?,
            layers: config.layers,
            heads: Mlp::heads(vs, pooled, &config.hidden, 0.0, outputs)?,
            edges,
            mean: config.mean,
        })
    }
}

impl Network for DnnPerf {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], _: bool) -> Result<Tensor> {
        let z = read(&self.heads, outputs, &self.embed(batch)?, false)?;
        Ok(z.f_clamp(-LIMIT, LIMIT).and_then(|z| z.f_exp()).map_err(torch("head"))?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let hop = batch.layer_edges(0)?;
        let features = match &hop.features {
            Some(features) => features.shallow_clone(),
            None if hop.edges.is_empty() => blank(batch, 0, self.edges)?,
            None => return Err(Error::Lacks { model: "DNNPerf", what: "edge features" }),
        };
        let (mut h, mut e) = match &self.project {
            Some([nodes, edges]) => (nodes.forward(&batch.nodes)?, edges.forward(&features)?),
            None => (batch.nodes.shallow_clone(), features),
        };
        for (l, encoder) in (0..self.layers).zip(self.encoders.iter().cycle()) {
            let hop = batch.layer_edges(l)?;
            let before = hop.parent_edges(&e)?;
            (h, e) = encoder.encode(&h, hop, &Context { edges: Some(&before), ..Context::default() })?;
        }
        let sum = batch.graph_of_row.sum(&h, None)?;
        if !self.mean {
            return Ok(sum);
        }
        Ok(Tensor::f_cat(&[sum, batch.graph_of_row.mean(&h)?], 1).map_err(torch("read-out"))?)
    }
}
