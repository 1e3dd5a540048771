//! Any of the models, as a config names it.

use serde::{Deserialize, Serialize};
use tachograph_gnn::{BatchOptions, GraphBatch};
use tch::{Tensor, nn};

use crate::{
    BrpNas, BrpNasConfig, Dippm, DippmConfig, DnnPerf, DnnPerfConfig, LearnedRoofline, LearnedRooflineConfig, Nnlp,
    NnlpConfig, NodeGcn, NodeGcnConfig, OperatorSum, OperatorSumConfig, PerfSage, PerfSageConfig, Result, Slapp,
    SlappConfig, error::torch,
};

/// Which model, and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ModelConfig {
    /// [`Nnlp`].
    Nnlp(NnlpConfig),
    /// [`OperatorSum`].
    #[serde(alias = "additive")]
    OperatorSum(OperatorSumConfig),
    /// [`Dippm`].
    Dippm(DippmConfig),
    /// [`DnnPerf`].
    #[serde(rename = "dnnperf")]
    DnnPerf(DnnPerfConfig),
    /// [`Slapp`].
    Slapp(SlappConfig),
    /// [`NodeGcn`].
    NodeGcn(NodeGcnConfig),
    /// [`BrpNas`].
    BrpNas(BrpNasConfig),
    /// [`PerfSage`].
    #[serde(rename = "perfsage")]
    PerfSage(PerfSageConfig),
    /// [`LearnedRoofline`].
    #[serde(alias = "tachograph")]
    LearnedRoofline(LearnedRooflineConfig),
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
            Self::OperatorSum(c) => c.layers,
            Self::Dippm(c) => 2 * c.blocks,
            Self::DnnPerf(c) => c.layers,
            Self::Slapp(c) => c.layers,
            Self::NodeGcn(c) => c.layers,
            Self::BrpNas(c) => c.layers,
            Self::PerfSage(c) => c.layers,
            Self::LearnedRoofline(c) => c.layers,
        }
    }

    /// True when training is deterministic node by node, so that equal nodes stay equal and batches may
    /// be compressed.
    pub fn compressible(&self) -> bool {
        match self {
            Self::Nnlp(c) => c.dropout == 0.0,
            Self::Dippm(c) => c.dropout == 0.0,
            Self::BrpNas(c) => c.dropout == 0.0,
            Self::Slapp(_) => false,
            Self::OperatorSum(_)
            | Self::DnnPerf(_)
            | Self::NodeGcn(_)
            | Self::PerfSage(_)
            | Self::LearnedRoofline(_) => true,
        }
    }

    /// What a batch must offer, compressed where the model allows it: without dropout, outside of training, that is
    /// for all but those that read groups of nodes.
    pub fn batch_options(&self, train: bool) -> BatchOptions {
        let groups = matches!(self, Self::Slapp(_));
        BatchOptions {
            layers: self.layers(),
            compressed: if train { self.compressible() } else { !groups },
            self_loops: matches!(self, Self::Slapp(_) | Self::NodeGcn(_)),
            reverse: matches!(self, Self::PerfSage(_)),
        }
    }
}

/// Widths of the features that a model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widths {
    /// Of a node.
    pub nodes: i64,
    /// Of an edge; 0 where edges have none.
    pub edges: i64,
    /// Of a graph.
    pub globals: i64,
}

/// A model with its parameters.
#[derive(Debug)]
pub enum Model {
    /// [`Nnlp`].
    Nnlp(Nnlp),
    /// [`OperatorSum`].
    OperatorSum(OperatorSum),
    /// [`Dippm`].
    Dippm(Dippm),
    /// [`DnnPerf`].
    DnnPerf(DnnPerf),
    /// [`Slapp`].
    Slapp(Slapp),
    /// [`NodeGcn`].
    NodeGcn(NodeGcn),
    /// [`BrpNas`].
    BrpNas(BrpNas),
    /// [`PerfSage`].
    PerfSage(PerfSage),
    /// [`LearnedRoofline`].
    LearnedRoofline(LearnedRoofline),
}

impl Model {
    /// Adds the parameters under `vs`, for features of these `widths`: one head for each of `outputs` outputs.
    /// Parameters of the head of output `d` are named `heads.d.…`; all others serve every output.
    ///
    /// # Errors
    /// libtorch cannot allocate the parameters; edge features that the model reads have no width.
    pub fn new(vs: &nn::Path<'_>, widths: Widths, outputs: usize, config: &ModelConfig) -> Result<Self> {
        let Widths { nodes, edges, globals } = widths;
        Ok(match config {
            ModelConfig::Nnlp(c) => Self::Nnlp(Nnlp::new(vs, nodes, globals, outputs, c)?),
            ModelConfig::OperatorSum(c) => Self::OperatorSum(OperatorSum::new(vs, nodes, outputs, c)?),
            ModelConfig::Dippm(c) => Self::Dippm(Dippm::new(vs, nodes, globals, outputs, c)?),
            ModelConfig::DnnPerf(c) => Self::DnnPerf(DnnPerf::new(vs, nodes, edges, outputs, c)?),
            ModelConfig::Slapp(c) => Self::Slapp(Slapp::new(vs, nodes, edges, outputs, c)?),
            ModelConfig::NodeGcn(c) => Self::NodeGcn(NodeGcn::new(vs, nodes, outputs, c)?),
            ModelConfig::BrpNas(c) => Self::BrpNas(BrpNas::new(vs, nodes, outputs, c)?),
            ModelConfig::PerfSage(c) => Self::PerfSage(PerfSage::new(vs, nodes, outputs, c)?),
            ModelConfig::LearnedRoofline(c) => Self::LearnedRoofline(LearnedRoofline::new(vs, nodes, outputs, c)?),
        })
    }

    /// Says which outputs are peak memory, to models that have a form of its own for it.
    pub fn set_memory(&mut self, outputs: &[usize]) {
        if let Self::LearnedRoofline(m) = self {
            m.set_memory(outputs);
        }
    }

    /// Predictions for each of `heads`: (graphs, heads), positive (of [`BrpNas`] once it is trained).
    ///
    /// # Errors
    /// The batch does not fit the model; an output without a head, or no output.
    pub fn forward(&self, batch: &GraphBatch, heads: &[usize], train: bool) -> Result<Tensor> {
        match self {
            Self::Nnlp(m) => m.forward(batch, heads, train),
            Self::OperatorSum(m) => m.forward(batch, heads),
            Self::Dippm(m) => m.forward(batch, heads, train),
            Self::DnnPerf(m) => m.forward(batch, heads),
            Self::Slapp(m) => m.forward(batch, heads),
            Self::NodeGcn(m) => m.forward(batch, heads),
            Self::BrpNas(m) => m.forward(batch, heads, train),
            Self::PerfSage(m) => m.forward(batch, heads),
            Self::LearnedRoofline(m) => m.forward(batch, heads),
        }
    }

    /// Embeddings of the graphs before any head, without dropout: (graphs, width of the model).
    ///
    /// # Errors
    /// The batch does not fit the model.
    pub fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        match self {
            Self::Nnlp(m) => m.embed(batch, false),
            Self::OperatorSum(m) => m.embed(batch),
            Self::Dippm(m) => m.embed(batch, false),
            Self::DnnPerf(m) => m.embed(batch),
            Self::Slapp(m) => m.embed(batch),
            Self::NodeGcn(m) => m.embed(batch),
            Self::BrpNas(m) => m.embed(batch, false),
            Self::PerfSage(m) => m.embed(batch),
            Self::LearnedRoofline(m) => m.embed(batch),
        }
    }

    /// Time of each operator by one head, (nodes), for models that predict one and outputs that are a sum over operators;
    /// `batch` is one graph, not compressed.
    ///
    /// # Errors
    /// As [`Model::forward`].
    pub fn operators(&self, batch: &GraphBatch, head: usize) -> Result<Option<Tensor>> {
        let times = match self {
            Self::OperatorSum(m) => m.operators(batch, &[head])?,
            Self::NodeGcn(m) => m.operators(batch, &[head])?,
            Self::LearnedRoofline(m) if m.is_memory(head) => return Ok(None),
            Self::LearnedRoofline(m) => {
                let image = m.operators(batch, &[head])?;
                let images = batch.globals.f_narrow(1, 0, 1);
                images.and_then(|n| image.f_mul(&n)).map_err(torch("operators"))?
            }
            _ => return Ok(None),
        };
        times.f_squeeze_dim(1).map(Some).map_err(torch("operators"))
    }
}
