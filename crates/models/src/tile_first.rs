//! Tile sizes as the first place of the competition ranked them.

use serde::{Deserialize, Serialize};
use tachograph_features::{FeatureSet, Schema};
use tachograph_gnn::{BatchOptions, GraphBatch, Join, Linear, Pool};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Kinds, Network, NetworkConfig, Ranking, Result,
    first_parts::{Blocks, CrossAttention, Tower, lists, node_inputs},
    rows::{Embedding, LAYOUT_COLUMNS, beside, configured, one_output, pick, widths},
    stack::{Activation, Stack},
};

/// Width of the embedding of a place in a layout.
const PLACE: i64 = 4;

/// Settings of [`TileFirst`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TileFirstConfig {
    /// Width of the layers.
    pub hidden: i64,
    /// Width of the embedding of operators.
    pub embedding: i64,
    /// Number of graph layers.
    pub layers: usize,
    /// Compare configurations before the last MLP.
    pub cross: bool,
    /// Dropout after each graph layer.
    pub dropout: f64,
}

impl Default for TileFirstConfig {
    fn default() -> Self {
        Self { hidden: 256, embedding: 16, layers: 2, cross: true, dropout: 0.2 }
    }
}

impl NetworkConfig for TileFirstConfig {
    const KIND: &'static str = "tile-first";

    fn layers(&self) -> usize {
        self.layers
    }

    fn compressible(&self) -> bool {
        false
    }

    fn batch_options(&self, _: bool) -> BatchOptions {
        BatchOptions { layers: self.layers, ..BatchOptions::default() }
    }

    fn ranking(&self) -> Option<Ranking> {
        Some(Ranking {
            features: FeatureSet::XLA_STANDARD,
            join: Join::Late,
            undirected: false,
            compares: self.cross,
            kinds: Kinds::Graph,
            ..Ranking::default()
        })
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, _: &[Quantity]) -> Result<Box<dyn Network>> {
        Ok(Box::new(TileFirst::new(vs, schema, self)?))
    }

    fn variants() -> Vec<Self> {
        let narrow = Self { hidden: 16, embedding: 4, dropout: 0.0, ..Self::default() };
        vec![narrow.clone(), Self { cross: false, ..narrow }]
    }
}

/// The blocks of [`LayoutFirst`](crate::LayoutFirst) over the kernel, joined late by an MLP of the tile
/// (`thanhhau097/google_fast_or_slow`):
///
/// s = MLP(MLP(c) ‖ max x ‖ mean x)
///
/// Cross attention over the configurations of the batch stands after the MLP of the tile, which is our choice.
///
/// # Shapes
/// A batch of configured graphs → (copies, 1)
#[derive(Debug)]
pub struct TileFirst {
    opcodes: Embedding,
    places: Option<Embedding>,
    tower: Tower,
    tile: Stack,
    cross: Option<(Linear, CrossAttention)>,
    head: Stack,
}

impl TileFirst {
    fn new(vs: &nn::Path<'_>, schema: &Schema, config: &TileFirstConfig) -> Result<Self> {
        let [nodes, columns] = widths(schema);
        let own = if nodes == LAYOUT_COLUMNS.0 { LAYOUT_COLUMNS.1 } else { 0 };
        let inputs = nodes - own + own * PLACE + config.embedding;
        let hidden = config.hidden;
        let settings = Blocks { hidden, cross: false, dropout: config.dropout };
        let cross = || -> Result<_> {
            Ok((Linear::new(&(vs / "narrow"), hidden, hidden / 2, true)?, CrossAttention::new(&(vs / "cross"))?))
        };
        Ok(Self {
            opcodes: Embedding::opcodes(vs, config.embedding)?,
            places: (own > 0).then(|| Embedding::layouts(vs, PLACE)).transpose()?,
            tower: Tower::new(vs, inputs, config.layers, settings)?,
            tile: Stack::new(&(vs / "tile"), columns, &[hidden, hidden], Activation::Relu)?,
            cross: config.cross.then(cross).transpose()?,
            head: Stack::new(&(vs / "head"), 3 * hidden, &[hidden, hidden, 1], Activation::Relu)?,
        })
    }

    fn pooled(&self, batch: &GraphBatch, train: bool) -> Result<Tensor> {
        let configured = configured("tile-first", batch)?;
        let operators = self.opcodes.of_nodes(configured)?;
        let embed = |layouts: &Tensor| match &self.places {
            Some(places) => places.of_places(layouts),
            None => Ok(layouts.shallow_clone()),
        };
        let x = pick(&node_inputs(configured, &operators, embed)?, &configured.node)?;
        let x = self.tower.forward(x, batch, &lists(configured, false), train)?;
        let tile = pick(&configured.configurations, &configured.of_copy)?;
        let mut tile = Activation::Relu.apply(&self.tile.forward(&tile)?)?;
        if let Some((narrow, cross)) = &self.cross {
            let lists: Vec<(i64, i64)> = configured.lists.iter().map(|&(copies, _)| (copies, 1)).collect();
            tile = cross.forward(&narrow.forward(&tile)?, &lists)?;
        }
        let of_graph = |pool: Pool| -> Result<Tensor> { Ok(configured.copies(&pool.apply(&batch.graph_of_row, &x)?)?) };
        beside(&[&tile, &of_graph(Pool::Max)?, &of_graph(Pool::Mean)?])
    }
}

impl Network for TileFirst {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], train: bool) -> Result<Tensor> {
        one_output(outputs)?;
        self.head.forward(&self.pooled(batch, train)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        self.pooled(batch, false)
    }
}
