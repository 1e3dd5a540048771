//! Layouts as the first place of the competition ranked them.

use serde::{Deserialize, Serialize};
use tachograph_features::{FeatureSet, Schema};
use tachograph_gnn::{BatchOptions, GraphBatch, Linear, Pool, torch};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Kinds, Network, NetworkConfig, Ranking, Result,
    first_parts::{Blocks, Tower, lists, node_inputs},
    rows::{Embedding, LAYOUT_COLUMNS, beside, configured, one_output, pick, widths},
};

/// Width of the embedding of a place in a layout.
const PLACE: i64 = 4;

/// Not configurable, among places.
const NOT_CONFIGURABLE: f64 = -2.0;

/// Settings of [`LayoutFirst`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayoutFirstConfig {
    /// Width of the layers; even.
    pub hidden: i64,
    /// Width of the embedding of operators.
    pub embedding: i64,
    /// Number of graph layers.
    pub layers: usize,
    /// Compare configurations within the layers: on for the default collections, off for the random ones.
    pub cross: bool,
    /// Keep only edges at configurable nodes, and their ends.
    pub prune: bool,
    /// Dropout after each graph layer.
    pub dropout: f64,
}

impl Default for LayoutFirstConfig {
    fn default() -> Self {
        Self { hidden: 256, embedding: 16, layers: 2, cross: true, prune: true, dropout: 0.2 }
    }
}

impl NetworkConfig for LayoutFirstConfig {
    const KIND: &'static str = "layout-first";

    fn layers(&self) -> usize {
        self.layers
    }

    fn compressible(&self) -> bool {
        false
    }

    fn batch_options(&self, _: bool) -> BatchOptions {
        // Norms over the nodes of a graph: what a row becomes depends on all others.
        BatchOptions { layers: self.layers, ..BatchOptions::default() }
    }

    fn ranking(&self) -> Option<Ranking> {
        let features = FeatureSet::XLA_STANDARD;
        Some(Ranking {
            features,
            undirected: false,
            prune: self.prune,
            kinds: Kinds::Nodes,
            compares: self.cross,
            ..Ranking::default()
        })
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, _: &[Quantity]) -> Result<Box<dyn Network>> {
        Ok(Box::new(LayoutFirst::new(vs, schema, self)?))
    }

    fn variants() -> Vec<Self> {
        let narrow = Self { hidden: 16, embedding: 4, dropout: 0.0, ..Self::default() };
        vec![narrow.clone(), Self { cross: false, ..narrow }]
    }
}

/// Norms over nodes, attention over channels and over configurations (`thanhhau097/google_fast_or_slow`, the first place of
/// the competition on TpuGraphs):
///
/// x = f ‖ places of f ‖ op ‖ places of c; twice x ← GELU(cross(channels(norm(W x)))); then
/// x ← dropout(GELU(x + cross(channels(SAGE(norm(x)))))); s = w · mean x
///
/// norm is an instance norm over the nodes of a copy; channels(x) = x ⊙ σ(W₂ ReLU(W₁x)); cross(x) = x ‖ x ⊙ softmax(x/τ) over
/// the configurations of the batch, each half as wide. With `cross`, a score is of a configuration *among those it was
/// ranked with*. Places are embedded by one table of eight rows. Features without their last six columns and
/// places of their own are taken where the graph has TpuGraphs' 140 columns.
///
/// # Shapes
/// A batch of configured graphs → (copies, 1)
#[derive(Debug)]
pub struct LayoutFirst {
    opcodes: Embedding,
    places: Embedding,
    tower: Tower,
    head: Linear,
    cross: bool,
}

impl LayoutFirst {
    fn new(vs: &nn::Path<'_>, schema: &Schema, config: &LayoutFirstConfig) -> Result<Self> {
        let [nodes, columns] = widths(schema);
        let own = if nodes == LAYOUT_COLUMNS.0 { LAYOUT_COLUMNS.1 } else { 0 };
        let inputs = nodes - own + (own + columns) * PLACE + config.embedding;
        let settings = Blocks { hidden: config.hidden, cross: config.cross, dropout: config.dropout };
        Ok(Self {
            opcodes: Embedding::opcodes(vs, config.embedding)?,
            places: Embedding::layouts(vs, PLACE)?,
            tower: Tower::new(vs, inputs, config.layers, settings)?,
            head: Linear::new(&(vs / "head"), config.hidden, 1, true)?,
            cross: config.cross,
        })
    }

    fn pooled(&self, batch: &GraphBatch, train: bool) -> Result<Tensor> {
        let configured = configured("layout-first", batch)?;
        let operators = self.opcodes.of_nodes(configured)?;
        let nodes = node_inputs(configured, &operators, |layouts| self.places.of_places(layouts))?;
        // Row 0 of the configurations is of nodes without any.
        let of_places = || {
            let places = configured.configurations.f_detach_copy()?;
            let _ = places.f_narrow(0, 0, 1)?.f_fill_(NOT_CONFIGURABLE)?;
            Ok(places)
        };
        let places = self.places.of_places(&of_places().map_err(torch("configurations"))?)?;
        let x = beside(&[&pick(&nodes, &configured.node)?, &pick(&places, &configured.configuration)?])?;
        let x = self.tower.forward(x, batch, &lists(configured, self.cross), train)?;
        Ok(configured.copies(&Pool::Mean.apply(&batch.graph_of_row, &x)?)?)
    }
}

impl Network for LayoutFirst {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], train: bool) -> Result<Tensor> {
        one_output(outputs)?;
        Ok(self.head.forward(&self.pooled(batch, train)?)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        self.pooled(batch, false)
    }
}
