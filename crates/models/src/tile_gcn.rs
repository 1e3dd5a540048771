//! ResGCN with an early and a late join, TpuGraphs' second baselines of tile sizes.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{BatchOptions, Context, Conv, GraphBatch, Pool, ResidualForm, ResidualGcn, ResidualGcnConfig};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    JoinAt, Kinds, Network, NetworkConfig, Ranking, Result,
    rows::{Embedding, beside, configured, one_output, pick, widths},
    stack::{LEAKY, Stack},
};

/// Settings of [`TileGcn`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TileGcnConfig {
    /// Where the configuration comes in.
    pub join: JoinAt,
    /// Weights of their own for each direction and the node itself.
    pub directed: bool,
    /// Width of the layers.
    pub hidden: i64,
    /// Width of the embedding of operators.
    pub embedding: i64,
    /// Number of graph layers.
    pub layers: usize,
}

impl Default for TileGcnConfig {
    fn default() -> Self {
        Self { join: JoinAt::Early, directed: false, hidden: 64, embedding: 32, layers: 3 }
    }
}

impl NetworkConfig for TileGcnConfig {
    const KIND: &'static str = "tile-gcn";

    fn layers(&self) -> usize {
        self.layers
    }

    fn batch_options(&self, _: bool) -> BatchOptions {
        BatchOptions { layers: self.layers, compressed: true, self_loops: true, reverse: true }
    }

    fn ranking(&self) -> Option<Ranking> {
        Some(Ranking { join: self.join.into(), undirected: false, kinds: Kinds::Graph, ..Ranking::default() })
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, _: &[Quantity]) -> Result<Box<dyn Network>> {
        Ok(Box::new(TileGcn::new(vs, schema, self)?))
    }

    fn variants() -> Vec<Self> {
        let narrow = Self { hidden: 8, embedding: 4, layers: 2, ..Self::default() };
        vec![narrow.clone(), Self { join: JoinAt::Late, directed: true, ..narrow }]
    }
}

/// Residual graph convolutions (Phothilimthana et al., NeurIPS 2023, `baselines/tiles`):
///
/// x⁰ = MLP(op ‖ c ‖ f), x ← x + MLP(Âφ(x) + Âᵀφ(x) + φ(x)), Â = D⁻¹(A + I), s = MLP(Σᵢ xᵢ)
///
/// Joined late, c stands beside Σᵢ xᵢ; `directed` has an MLP for each of the three terms.
///
/// # Shapes
/// A batch of configured graphs → (copies, 1)
#[derive(Debug)]
pub struct TileGcn {
    opcodes: Embedding,
    first: Stack,
    layers: Vec<ResidualGcn>,
    head: Stack,
    join: JoinAt,
}

impl TileGcn {
    fn new(vs: &nn::Path<'_>, schema: &Schema, config: &TileGcnConfig) -> Result<Self> {
        let [nodes, columns] = widths(schema);
        let (hidden, early) = (config.hidden, config.join == JoinAt::Early);
        let form = if config.directed { ResidualForm::TileDirected } else { ResidualForm::Tile };
        let block = ResidualGcnConfig { form, ..ResidualGcnConfig::default() };
        let layer = |l: usize| ResidualGcn::new(&(vs / "graph" / l), hidden, hidden, block);
        let inputs = config.embedding + nodes + if early { columns } else { 0 };
        Ok(Self {
            opcodes: Embedding::opcodes(vs, config.embedding)?,
            first: Stack::new(&(vs / "first"), inputs, &[hidden, hidden], LEAKY)?,
            layers: (0..config.layers).map(layer).collect::<Result<_, _>>()?,
            head: Stack::new(&(vs / "head"), hidden + if early { 0 } else { columns }, &[hidden, 1], LEAKY)?,
            join: config.join,
        })
    }
}

impl Network for TileGcn {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], _: bool) -> Result<Tensor> {
        one_output(outputs)?;
        self.head.forward(&self.embed(batch)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let configured = configured("tile-gcn", batch)?;
        let operators = pick(&self.opcodes.of_nodes(configured)?, &configured.node)?;
        let features = pick(&configured.features, &configured.node)?;
        let rows = match self.join {
            JoinAt::Early => {
                let configuration = pick(&configured.configurations, &configured.configuration)?;
                beside(&[&operators, &configuration, &features])?
            }
            JoinAt::Late => beside(&[&operators, &features])?,
        };
        let mut x = self.first.forward(&rows)?;
        for (l, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&x, batch.layer_edges(l)?, &Context::default())?;
        }
        let pooled = configured.copies(&Pool::Sum.apply(&batch.graph_of_row, &x)?)?;
        match self.join {
            JoinAt::Early => Ok(pooled),
            JoinAt::Late => beside(&[&pooled, &pick(&configured.configurations, &configured.of_copy)?]),
        }
    }
}
