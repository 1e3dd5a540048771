//! TLP and MTL-TLP: attention among the steps of a schedule.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{BatchOptions, GraphBatch, MultiHeadAttention, MultiHeadAttentionConfig, torch};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Network, NetworkConfig, Result,
    mlp::{Mlp, read},
    network::widths,
    stack::{Activation, Stack},
    tenset_mlp::Residual,
};

/// Settings of [`Tlp`]; the defaults are the published ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlpConfig {
    /// Widths of the layers of a step; attention has the last.
    pub steps: Vec<i64>,
    /// Heads of attention.
    pub heads: i64,
    /// Residual blocks behind it.
    pub blocks: usize,
    /// Widths of the decoder.
    pub hidden: Vec<i64>,
}

impl Default for TlpConfig {
    fn default() -> Self {
        Self { steps: vec![64, 128, 256, 256], heads: 8, blocks: 2, hidden: vec![256, 128, 64] }
    }
}

impl NetworkConfig for TlpConfig {
    const KIND: &'static str = "tlp";

    fn layers(&self) -> usize {
        0
    }

    /// Attention reads every step.
    fn compressible(&self) -> bool {
        false
    }

    fn batch_options(&self, _: bool) -> BatchOptions {
        BatchOptions { layers: 0, ..BatchOptions::default() }
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
        let [nodes, ..] = widths(schema);
        Ok(Box::new(Tlp::new(vs, nodes, outputs.len(), self)?))
    }

    fn variants() -> Vec<Self> {
        vec![Self { steps: vec![8, 16], heads: 2, hidden: vec![16, 16], ..Self::default() }]
    }
}

/// TLP (Zhai et al., "TLP: A Deep Learning-based Cost Model for Tensor Program Tuning", ASPLOS 2023; zhaiyi000/tlp), whose
/// rows are the steps of a schedule, zeros where there are fewer:
///
/// xᵢ ← ReLU(W xᵢ) four times, x ← x + MHA(x), xᵢ ← xᵢ + ReLU(W xᵢ) twice, y = Σᵢ decoder(xᵢ)
///
/// Nothing tells it in which order steps come. With several outputs it is MTL-TLP: a decoder for each platform on a trunk
/// that all share, and a loss that passes over labels that are missing. TLP trains with LambdaRank on `min cost / cost`, Adam
/// 7·10⁻⁴, batches of 1024. The output is a score: any number.
///
/// # Shapes
/// A batch of G programs with rows of width `inputs`, and H heads → (G, H). Attention reads every row, so the batch must not
/// be compressed.
#[derive(Debug)]
pub struct Tlp {
    steps: Stack,
    attention: MultiHeadAttention,
    blocks: Residual,
    heads: Vec<Mlp>,
}

impl Tlp {
    fn new(vs: &nn::Path<'_>, inputs: i64, outputs: usize, config: &TlpConfig) -> Result<Self> {
        let width = config.steps.last().copied().unwrap_or(inputs);
        let attention = MultiHeadAttentionConfig { heads: config.heads, ..MultiHeadAttentionConfig::default() };
        Ok(Self {
            steps: Stack::new(&(vs / "steps"), inputs, &config.steps, Activation::Relu)?,
            attention: MultiHeadAttention::new(&(vs / "attention"), width, attention)?,
            blocks: Residual::new(vs, width, config.blocks)?,
            heads: Mlp::heads(vs, width, &config.hidden, 0.0, outputs)?,
        })
    }

    /// What each step has become: (rows, width).
    fn rows(&self, batch: &GraphBatch, train: bool) -> Result<Tensor> {
        let x = Activation::Relu.apply(&self.steps.forward(&batch.nodes)?)?;
        let heard = self.attention.forward_nodes(&x, &batch.graph_of_row, train)?;
        self.blocks.forward(&x.f_add(&heard).map_err(torch("TLP"))?)
    }
}

impl Network for Tlp {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], train: bool) -> Result<Tensor> {
        let decoded = read(&self.heads, outputs, &self.rows(batch, train)?, train)?;
        Ok(batch.graph_of_row.sum(&decoded, None)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        Ok(batch.graph_of_row.sum(&self.rows(batch, false)?, None)?)
    }
}
