//! SLAPP, as far as it is published.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{BatchOptions, Context, Conv, EdgeAttention, EdgeAttentionConfig, GraphBatch, Groups, torch};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Error, Network, NetworkConfig, Result,
    mlp::{Mlp, blank, read},
    network::widths,
};

/// Settings of [`Slapp`]. None of the original is published; the defaults are our choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlappConfig {
    /// Number of attention layers.
    pub layers: usize,
    /// Heads of attention, side by side.
    pub attention: i64,
    /// Width of each.
    pub width: i64,
    /// Widths of the hidden layers of a head.
    pub hidden: Vec<i64>,
}

impl Default for SlappConfig {
    fn default() -> Self {
        Self { layers: 3, attention: 4, width: 32, hidden: vec![128, 64] }
    }
}

impl NetworkConfig for SlappConfig {
    const KIND: &'static str = "slapp";

    fn layers(&self) -> usize {
        self.layers
    }

    fn compressible(&self) -> bool {
        false
    }

    /// Never compressed, since it reads groups of nodes.
    fn batch_options(&self, _train: bool) -> BatchOptions {
        BatchOptions { layers: self.layers, self_loops: true, ..BatchOptions::default() }
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
        let [nodes, edges, _] = widths(schema);
        Ok(Box::new(Slapp::new(vs, nodes, edges, outputs.len(), self)?))
    }

    fn variants() -> Vec<Self> {
        vec![Self { width: 4, hidden: vec![8], ..Self::default() }]
    }
}

/// In the manner of SLAPP (Wang et al., "SLAPP: Subgraph-level attention-based performance prediction for deep learning
/// models", Neural Networks 170, 2024), whose equations are not published: edge-aware attention ([`EdgeAttention`]) over
/// the operators, and a time for each fused subgraph s, of which a network takes the sum:
///
/// tₛ = softplus(MLP(mean_{i∈s} hᵢ ‖ max_{i∈s} hᵢ)), y = Σₛ tₛ
///
/// # Shapes
/// A batch of G graphs with node features of width `inputs`, edge features of width `edges`, and groups; H heads →
/// (G, H), in the unit of the training targets. Build the batch with self-loops.
#[derive(Debug)]
pub struct Slapp {
    layers: Vec<EdgeAttention>,
    heads: Vec<Mlp>,
    /// Width of edge features.
    edges: i64,
}

impl Slapp {
    fn new(vs: &nn::Path<'_>, inputs: i64, edges: i64, outputs: usize, config: &SlappConfig) -> Result<Self> {
        let attention =
            EdgeAttentionConfig { heads: config.attention, edge_features: edges, ..EdgeAttentionConfig::default() };
        let width = config.attention.saturating_mul(config.width);
        let layer = |l: usize| {
            EdgeAttention::new(&(vs / "graph" / l), if l == 0 { inputs } else { width }, config.width, attention)
        };
        let last = if config.layers == 0 { inputs } else { width };
        Ok(Self {
            layers: (0..config.layers).map(layer).collect::<Result<_, _>>()?,
            heads: Mlp::heads(vs, 2 * last, &config.hidden, 0.0, outputs)?,
            edges,
        })
    }

    /// What the heads read of each subgraph: (subgraphs, 2 · width).
    fn rows(&self, batch: &GraphBatch, groups: &Groups) -> Result<Tensor> {
        let mut h = batch.nodes.shallow_clone();
        let edges = &batch.layer_edges(0)?.edges;
        let mut e = match &batch.layer_edges(0)?.features {
            Some(features) => features.shallow_clone(),
            // Self-loops alone.
            None if edges.len() == edges.rows() => blank(batch, edges.len(), self.edges)?,
            None => return Err(Error::Lacks { model: "SLAPP", what: "edge features" }),
        };
        for (l, layer) in self.layers.iter().enumerate() {
            let hop = batch.layer_edges(l)?;
            h = layer.forward(&h, hop, &Context { edges: Some(&e), ..Context::default() })?;
            // The edges after the last layer go nowhere.
            if l + 1 < self.layers.len() {
                e = layer.update(&h, hop, &e)?;
            }
        }
        Ok(Tensor::f_cat(&[groups.nodes.mean(&h)?, groups.nodes.max(&h)?], 1).map_err(torch("read-out"))?)
    }
}

impl Network for Slapp {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], _: bool) -> Result<Tensor> {
        let groups = groups(batch)?;
        let z = read(&self.heads, outputs, &self.rows(batch, groups)?, false)?;
        Ok(groups.graphs.sum(&z.f_softplus().map_err(torch("head"))?, None)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let groups = groups(batch)?;
        Ok(groups.graphs.sum(&self.rows(batch, groups)?, None)?)
    }
}

fn groups(batch: &GraphBatch) -> Result<&Groups> {
    batch.groups.as_ref().ok_or(Error::Lacks { model: "SLAPP", what: "groups" })
}
