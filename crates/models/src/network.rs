//! What every predictor is: a network, and the settings that it is built from.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};
use tachograph_features::{FeatureSet, Schema};
use tachograph_gnn::{BatchOptions, GraphBatch, Join};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::Result;

/// A predictor with its parameters.
///
/// It has *outputs*: quantities (latency, memory, energy) on devices. Each has a head of its own, on an embedding that
/// all share and that [`Network::forward`] computes once. Below, G graphs are in a batch.
pub trait Network: Debug + Send {
    /// Predictions for each of `outputs`, by position: (G, outputs), in the unit of the training targets, positive (of
    /// BRP-NAS once it is trained). `train` turns dropout on.
    ///
    /// # Errors
    /// The batch has other widths, lacks what the network reads, or was built for fewer layers; an output without a head,
    /// or no output.
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], train: bool) -> Result<Tensor>;

    /// Embeddings of the graphs before any head, without dropout: (G, width of the network).
    ///
    /// # Errors
    /// As [`Network::forward`], but for outputs.
    fn embed(&self, batch: &GraphBatch) -> Result<Tensor>;

    /// Share of each operator in one output, positive, where `batch` is one graph: (rows of the last layer), which are
    /// its nodes, or their classes when it is compressed. `None` for networks that predict none, and for outputs that are
    /// no sum over operators.
    ///
    /// # Errors
    /// As [`Network::forward`].
    fn operators(&self, _batch: &GraphBatch, _output: usize) -> Result<Option<Tensor>> {
        Ok(None)
    }
}

/// Settings of a predictor, from which it is built.
pub trait NetworkConfig:
    Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Name of the predictor in configs and checkpoints.
    const KIND: &'static str;

    /// Names that configs and checkpoints may have for it too.
    const ALIASES: &'static [&'static str] = &[];

    /// Number of message-passing layers: what a batch must be built for.
    fn layers(&self) -> usize;

    /// True when training is deterministic node by node, so that equal nodes stay equal and batches may be compressed.
    fn compressible(&self) -> bool {
        true
    }

    /// What a batch must offer, compressed where the network allows it: in prediction always, in training where it is
    /// [compressible](NetworkConfig::compressible).
    fn batch_options(&self, train: bool) -> BatchOptions {
        let compressed = !train || self.compressible();
        BatchOptions { layers: self.layers(), compressed, ..BatchOptions::default() }
    }

    /// What the publication multiplies a quantity with before its loss, where it does: milliseconds, joules or MB.
    fn target_scale(&self, _quantity: Quantity) -> Option<f64> {
        None
    }

    /// What it asks of graphs under configurations, where it ranks these; `None` where it predicts amounts of graphs.
    ///
    /// A network that ranks takes batches with `GraphBatch::configured`. Its one output is a score, which grows with the
    /// time that a configuration is expected to take: (copies, 1), graph by graph.
    fn ranking(&self) -> Option<Ranking> {
        None
    }

    /// The network with fresh parameters under `vs`, for features as `schema` has them: one head for each of `outputs`.
    /// Parameters of the head of output `d` are named `heads.d.…`; all others serve every output.
    ///
    /// # Errors
    /// The schema lacks a column that the network reads; widths that no layer can have; libtorch cannot allocate the
    /// parameters.
    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>>;

    /// Narrow networks without dropout that between them run through all of the arithmetic: the tests that hold for
    /// every predictor take them from here.
    fn variants() -> Vec<Self>;
}

/// What a network that ranks asks of graphs under configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranking {
    /// How columns are scaled: a set of archives.
    pub features: FeatureSet,
    /// Whether configurations meet nodes before the first layer or after the last.
    pub join: Join,
    /// Edges are listed in both directions.
    pub undirected: bool,
    /// Of graphs with configurable nodes, only edges at these are kept, and their ends.
    pub prune: bool,
    /// Nodes of a segment: the score of a graph is the sum of the scores of its segments. 0: the graph is one.
    pub segment: usize,
    /// Nodes of the block that alone gets gradients in a training step, where graphs are larger; 0: all.
    pub gradients: usize,
    /// Which kinds of configuration it knows.
    pub kinds: Kinds,
    /// The score of a configuration depends on those that it is scored with.
    pub compares: bool,
}

/// Kinds of configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinds {
    /// Of a whole graph, such as the tile size of a kernel.
    Graph,
    /// Of nodes, such as the layouts of their tensors.
    Nodes,
    /// Both.
    Both,
}

impl Default for Ranking {
    fn default() -> Self {
        Self {
            features: FeatureSet::XLA,
            join: Join::Early,
            undirected: true,
            prune: false,
            segment: 0,
            gradients: 0,
            kinds: Kinds::Both,
            compares: false,
        }
    }
}

/// Widths of the features of a node, an edge and a graph.
pub(crate) fn widths(schema: &Schema) -> [i64; 3] {
    [&schema.node_columns, &schema.edge_columns, &schema.global_columns].map(|columns| columns.len() as i64)
}

/// Position of the column `name` among `columns`.
pub(crate) fn column(model: &'static str, columns: &[String], name: &'static str) -> Result<i64> {
    let position = columns.iter().position(|column| column == name);
    position.map(|p| p as i64).ok_or(crate::Error::Column { model, column: name })
}
