//! Pruner's learned model: statements of a program, and attention among the flows of its buffers.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{GraphBatch, Linear, MultiHeadAttention, MultiHeadAttentionConfig, torch};
use tachograph_ir::Quantity;
use tch::{Kind, Tensor, nn};

use crate::{
    Network, NetworkConfig, Result,
    mlp::{Mlp, read},
    network::widths,
    rows::beside,
    stack::{Activation, Stack},
    tenset_mlp::Residual,
};

/// Settings of [`Pacm`]; the defaults are the published ones as far as they are known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PacmConfig {
    /// Width of the statements, and of what statements and flows become together.
    pub hidden: i64,
    /// Residual blocks behind that.
    pub blocks: usize,
    /// Numbers of a flow: the graph features are flows, one after the other.
    pub flow: i64,
    /// Widths of the layers of a flow; attention has the last.
    pub flows: Vec<i64>,
    /// Heads of attention.
    pub heads: i64,
}

impl Default for PacmConfig {
    fn default() -> Self {
        Self { hidden: 256, blocks: 2, flow: 23, flows: vec![64, 128], heads: 4 }
    }
}

impl NetworkConfig for PacmConfig {
    const KIND: &'static str = "pacm";

    fn layers(&self) -> usize {
        0
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
        let [nodes, ..] = widths(schema);
        Ok(Box::new(Pacm::new(vs, nodes, outputs.len(), self)?))
    }

    fn variants() -> Vec<Self> {
        vec![Self { hidden: 8, flow: 2, flows: vec![8, 8], heads: 2, ..Self::default() }]
    }
}

/// PaCM, the model that verifies in Pruner ("Pruner: A Draft-then-Verify Exploration Mechanism to Accelerate Tensor Program
/// Tuning", Qiao et al., ASPLOS 2025), whose rows are the statements of a program and whose graph features are flows fⱼ:
///
/// s = Σᵢ ReLU(W₂ ReLU(W₁ xᵢ)), f ← ReLU(W₄ ReLU(W₃ f)), f ← f + MHA(f), z = ReLU(W (s ‖ Σⱼ fⱼ)), z ← z + ReLU(W z) twice,
/// y = w·z + b
///
/// The sizes are those of the released code. The branch of the statements, of which it is known that it is TenSet's perceptron,
/// and where its residual blocks stand, are ours. The last flow is filled up with zeros. The output is a score: any number.
///
/// # Shapes
/// A batch of G programs with rows and graph features as given, and H heads → (G, H)
#[derive(Debug)]
pub struct Pacm {
    rows: Stack,
    flows: Stack,
    attention: MultiHeadAttention,
    join: Linear,
    blocks: Residual,
    heads: Vec<Mlp>,
    flow: i64,
}

impl Pacm {
    fn new(vs: &nn::Path<'_>, nodes: i64, outputs: usize, config: &PacmConfig) -> Result<Self> {
        let hidden = config.hidden;
        let width = config.flows.last().copied().unwrap_or(config.flow);
        let attention = MultiHeadAttentionConfig { heads: config.heads, ..MultiHeadAttentionConfig::default() };
        Ok(Self {
            rows: Stack::new(&(vs / "rows"), nodes, &[hidden, hidden], Activation::Relu)?,
            flows: Stack::new(&(vs / "flows"), config.flow, &config.flows, Activation::Relu)?,
            attention: MultiHeadAttention::new(&(vs / "attention"), width, attention)?,
            join: Linear::new(&(vs / "join"), hidden + width, hidden, true)?,
            blocks: Residual::new(vs, hidden, config.blocks)?,
            heads: Mlp::heads(vs, hidden, &[], 0.0, outputs)?,
            flow: config.flow.max(1),
        })
    }

    /// (graphs, globals) → (graphs, width)
    fn flows(&self, globals: &Tensor, train: bool) -> Result<Tensor> {
        let (graphs, numbers) = globals.size2().map_err(torch("PaCM"))?;
        let count = (numbers + self.flow - 1) / self.flow;
        let cut = globals.f_pad([0, count * self.flow - numbers], "constant", 0.0);
        let cut = cut.and_then(|x| x.f_reshape([graphs, count, self.flow])).map_err(torch("PaCM"))?;
        let f = Activation::Relu.apply(&self.flows.forward(&cut)?)?;
        let heard = self.attention.forward(&f, None, train)?;
        let sum = || (f.f_add(&heard)?).f_sum_dim_intlist(1i64, false, None::<Kind>);
        Ok(sum().map_err(torch("PaCM"))?)
    }

    fn vector(&self, batch: &GraphBatch, train: bool) -> Result<Tensor> {
        let rows = Activation::Relu.apply(&self.rows.forward(&batch.nodes)?)?;
        let statements = batch.graph_of_row.sum(&rows, None)?;
        let joined = beside(&[&statements, &self.flows(&batch.globals, train)?])?;
        self.blocks.forward(&Activation::Relu.apply(&self.join.forward(&joined)?)?)
    }
}

impl Network for Pacm {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], train: bool) -> Result<Tensor> {
        read(&self.heads, outputs, &self.vector(batch, train)?, train)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        self.vector(batch, false)
    }
}
