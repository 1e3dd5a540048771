//! What every predictor is: a network, and the settings that it is built from.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};
use tachograph_features::Schema;
use tachograph_gnn::{BatchOptions, GraphBatch};
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

/// Widths of the features of a node, an edge and a graph.
pub(crate) fn widths(schema: &Schema) -> [i64; 3] {
    [&schema.node_columns, &schema.edge_columns, &schema.global_columns].map(|columns| columns.len() as i64)
}

/// Position of the column `name` among `columns`.
pub(crate) fn column(model: &'static str, columns: &[String], name: &'static str) -> Result<i64> {
    let position = columns.iter().position(|column| column == name);
    position.map(|p| p as i64).ok_or(crate::Error::Column { model, column: name })
}
