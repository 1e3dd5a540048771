//! SLAPP, as far as it is published.

use serde::{Deserialize, Serialize};
use tachograph_gnn::{EdgeAttention, EdgeAttentionConfig, GraphBatch, Groups};
use tch::{Tensor, nn};

use crate::{
    Error, Result,
    error::torch,
    mlp::{Mlp, blank, read},
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
    /// Adds its parameters under `vs`; one head for each of `outputs` outputs.
    ///
    /// # Errors
    /// No edge features, or widths below 1.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, edges: i64, outputs: usize, config: &SlappConfig) -> Result<Self> {
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
            h = layer.forward(&h, hop, &e, false)?;
            // The edges after the last layer go nowhere.
            if l + 1 < self.layers.len() {
                e = layer.update(&h, hop, &e)?;
            }
        }
        Tensor::f_cat(&[groups.nodes.mean(&h)?, groups.nodes.max(&h)?], 1).map_err(torch("read-out"))
    }

    /// Embeddings of the graphs before any head, the sums of their subgraphs': (G, 2 · width).
    ///
    /// # Errors
    /// The batch has other widths, lacks edge features or groups, or was built for fewer layers.
    pub fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let groups = groups(batch)?;
        Ok(groups.graphs.sum(&self.rows(batch, groups)?, None)?)
    }

    /// Time of each subgraph for each of `heads`: (subgraphs, heads), positive; subgraphs in the order of the graphs
    /// and of their groups.
    ///
    /// # Errors
    /// As [`Slapp::embed`]; an output without a head, or no output.
    pub fn subgraphs(&self, batch: &GraphBatch, heads: &[usize]) -> Result<Tensor> {
        let z = read(&self.heads, heads, &self.rows(batch, groups(batch)?)?, false)?;
        z.f_softplus().map_err(torch("head"))
    }

    /// Predictions for each of `heads`: (G, heads), positive.
    ///
    /// # Errors
    /// As [`Slapp::subgraphs`].
    pub fn forward(&self, batch: &GraphBatch, heads: &[usize]) -> Result<Tensor> {
        Ok(groups(batch)?.graphs.sum(&self.subgraphs(batch, heads)?, None)?)
    }
}

fn groups(batch: &GraphBatch) -> Result<&Groups> {
    batch.groups.as_ref().ok_or(Error::Lacks { model: "SLAPP", what: "groups" })
}
