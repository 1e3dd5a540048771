//! Graph Segment Training.

use serde::{Deserialize, Serialize};
use tachograph_features::{FeatureSet, Schema};
use tachograph_gnn::{Context, Conv, GraphBatch, Linear, Pool, Sage, SageConfig, normalize, torch};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Kinds, Network, NetworkConfig, Ranking, Result,
    rows::{Embedding, beside, configured, one_output, pick, widths},
    stack::{Activation, Stack},
};

/// Settings of [`Gst`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GstConfig {
    /// Width of the input.
    pub input: i64,
    /// Width of the layers.
    pub hidden: i64,
    /// Width of the embedding of operators.
    pub embedding: i64,
    /// Number of graph layers.
    pub layers: usize,
    /// Nodes of a segment, at most.
    pub segment: usize,
}

impl Default for GstConfig {
    fn default() -> Self {
        Self { input: 128, hidden: 256, embedding: 128, layers: 3, segment: 1000 }
    }
}

impl NetworkConfig for GstConfig {
    const KIND: &'static str = "gst";

    fn layers(&self) -> usize {
        self.layers
    }

    fn ranking(&self) -> Option<Ranking> {
        Some(Ranking {
            features: FeatureSet::XLA_STANDARD,
            undirected: false,
            segment: self.segment.max(1),
            kinds: Kinds::Nodes,
            ..Ranking::default()
        })
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, _: &[Quantity]) -> Result<Box<dyn Network>> {
        Ok(Box::new(Gst::new(vs, schema, self)?))
    }

    fn variants() -> Vec<Self> {
        vec![Self { input: 6, hidden: 8, embedding: 4, layers: 2, segment: 5 }]
    }
}

/// GraphSAGE over segments of a graph (Cao et al., NeurIPS 2023, `kaidic/GST`):
///
/// x⁰ = ReLU(W(f ‖ a·op ‖ b·c)), x = ReLU(W x⁰), x ← SAGE(x), s = MLP((max x + mean x) / ‖·‖)
///
/// a and b are learned. A batch holds segments, each as a graph of its own, and the score of a graph is the sum of the
/// scores of its segments ([`Ranking::segment`]): the trainer adds those that it remembers of segments that are not in the
/// step. The ReLUs of the first two layers are our choice: the publication does not say.
///
/// # Shapes
/// A batch of configured segments → (copies, 1)
#[derive(Debug)]
pub struct Gst {
    opcodes: Embedding,
    weights: [Tensor; 2],
    first: [Linear; 2],
    layers: Vec<Sage>,
    head: Stack,
}

impl Gst {
    fn new(vs: &nn::Path<'_>, schema: &Schema, config: &GstConfig) -> Result<Self> {
        let [nodes, columns] = widths(schema);
        let hidden = config.hidden;
        let one = |name: &str| vs.f_ones(name, &[1]).map_err(torch("weight"));
        let layer = |l: usize| Sage::new(&(vs / "graph" / l), hidden, hidden, SageConfig::default());
        Ok(Self {
            opcodes: Embedding::opcodes(vs, config.embedding)?,
            weights: [one("weight_of_operators")?, one("weight_of_configurations")?],
            first: [
                Linear::new(&(vs / "input"), nodes + config.embedding + columns, config.input, true)?,
                Linear::new(&(vs / "before"), config.input, hidden, true)?,
            ],
            layers: (0..config.layers).map(layer).collect::<Result<_, _>>()?,
            head: Stack::new(&(vs / "head"), hidden, &[hidden, 1], Activation::Relu)?,
        })
    }
}

impl Network for Gst {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], _: bool) -> Result<Tensor> {
        one_output(outputs)?;
        self.head.forward(&self.embed(batch)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let configured = configured("gst", batch)?;
        let [a, b] = &self.weights;
        let scaled = |x: Tensor, by: &Tensor| x.f_mul(by).map_err(torch("weights"));
        let operators = scaled(self.opcodes.of_nodes(configured)?, a)?;
        let nodes = pick(&beside(&[&configured.features, &operators])?, &configured.node)?;
        let configuration = scaled(pick(&configured.configurations, &configured.configuration)?, b)?;
        let mut x = beside(&[&nodes, &configuration])?;
        for linear in &self.first {
            x = Activation::Relu.apply(&linear.forward(&x)?)?;
        }
        for (l, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&x, batch.layer_edges(l)?, &Context::default())?;
        }
        let members = &batch.graph_of_row;
        let pooled = Pool::Max.apply(members, &x)?.f_add(&Pool::Mean.apply(members, &x)?).map_err(torch("read-out"))?;
        Ok(configured.copies(&normalize(&pooled)?)?)
    }
}
