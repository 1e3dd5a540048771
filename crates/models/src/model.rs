//! Any of the models, as a config names it.

use serde::{Deserialize, Serialize};
use tachograph_gnn::GraphBatch;
use tch::{Tensor, nn};

use crate::{Additive, AdditiveConfig, Nnlp, NnlpConfig, Result, Tachograph, TachographConfig, error::torch};

/// Which model, and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ModelConfig {
    /// [`Nnlp`].
    Nnlp(NnlpConfig),
    /// [`Additive`].
    Additive(AdditiveConfig),
    /// [`Tachograph`].
    Tachograph(TachographConfig),
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self::Nnlp(NnlpConfig::default())
    }
}

impl ModelConfig {
    /// Number of message-passing layers: what a batch must be built for.
    pub fn layers(&self) -> usize {
        match self {
            Self::Nnlp(c) => c.layers,
            Self::Additive(c) => c.layers,
            Self::Tachograph(c) => c.layers,
        }
    }

    /// True when training is deterministic node by node, so that equal nodes stay equal and batches may
    /// be compressed.
    pub fn compressible(&self) -> bool {
        match self {
            Self::Nnlp(c) => c.dropout == 0.0,
            Self::Additive(_) | Self::Tachograph(_) => true,
        }
    }
}

/// A model with its parameters.
#[derive(Debug)]
pub enum Model {
    /// [`Nnlp`].
    Nnlp(Nnlp),
    /// [`Additive`].
    Additive(Additive),
    /// [`Tachograph`].
    Tachograph(Tachograph),
}

impl Model {
    /// Adds the parameters under `vs`: node features of width `inputs`, `globals` graph features, one head for
    /// each of `outputs` outputs. Parameters of the head of output `d` are named `heads.d.…`; all others serve
    /// every output.
    ///
    /// # Errors
    /// libtorch cannot allocate the parameters.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, globals: i64, outputs: usize, config: &ModelConfig) -> Result<Self> {
        Ok(match config {
            ModelConfig::Nnlp(c) => Self::Nnlp(Nnlp::new(vs, inputs, globals, outputs, c)?),
            ModelConfig::Additive(c) => Self::Additive(Additive::new(vs, inputs, outputs, c)?),
            ModelConfig::Tachograph(c) => Self::Tachograph(Tachograph::new(vs, inputs, outputs, c)?),
        })
    }

    /// Predictions for each of `heads`: (graphs, heads), positive.
    ///
    /// # Errors
    /// The batch does not fit the model; an output without a head, or no output.
    pub fn forward(&self, batch: &GraphBatch, heads: &[usize], train: bool) -> Result<Tensor> {
        match self {
            Self::Nnlp(m) => m.forward(batch, heads, train),
            Self::Additive(m) => m.forward(batch, heads),
            Self::Tachograph(m) => m.forward(batch, heads),
        }
    }

    /// Embeddings of the graphs before any head, without dropout: (graphs, width of the model).
    ///
    /// # Errors
    /// The batch does not fit the model.
    pub fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        match self {
            Self::Nnlp(m) => m.embed(batch, false),
            Self::Additive(m) => m.embed(batch),
            Self::Tachograph(m) => m.embed(batch),
        }
    }

    /// Time of each operator by one head, (nodes), for models that predict one; `batch` is one graph, not compressed.
    ///
    /// # Errors
    /// As [`Model::forward`].
    pub fn operators(&self, batch: &GraphBatch, head: usize) -> Result<Option<Tensor>> {
        match self {
            Self::Nnlp(_) => Ok(None),
            Self::Additive(m) => m.operators(batch, &[head])?.f_squeeze_dim(1).map(Some).map_err(torch("operators")),
            Self::Tachograph(m) => {
                let image = m.operators(batch, &[head])?.f_squeeze_dim(1);
                let images = batch.globals.f_narrow(1, 0, 1);
                image.and_then(|t| t.f_mul(&images?.f_squeeze_dim(1)?)).map(Some).map_err(torch("operators"))
            }
        }
    }
}
