//! TenSet's perceptron over the stores of a tensor program.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{GraphBatch, Linear, torch};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Network, NetworkConfig, Result,
    mlp::{Mlp, read},
    network::widths,
    stack::{Activation, Stack},
};

/// Settings of [`TensetMlp`]; the defaults are the published ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TensetMlpConfig {
    /// Width of all layers.
    pub hidden: i64,
    /// Residual blocks behind the sum.
    pub blocks: usize,
}

impl Default for TensetMlpConfig {
    fn default() -> Self {
        Self { hidden: 256, blocks: 2 }
    }
}

impl NetworkConfig for TensetMlpConfig {
    const KIND: &'static str = "tenset-mlp";

    fn layers(&self) -> usize {
        0
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, outputs: &[Quantity]) -> Result<Box<dyn Network>> {
        let [nodes, ..] = widths(schema);
        Ok(Box::new(TensetMlp::new(vs, nodes, outputs.len(), self)?))
    }

    fn variants() -> Vec<Self> {
        vec![Self { hidden: 8, ..Self::default() }]
    }
}

/// The MLP of TenSet (Zheng et al., "TenSet: A Large-scale Program Performance Dataset for Learned Tensor Compilers",
/// NeurIPS 2021; `mlp_model.py` of tlc-pack/tenset), whose rows are the stores of a program:
///
/// hᵢ = ReLU(W₂ ReLU(W₁ xᵢ)), s = Σᵢ hᵢ, s ← s + ReLU(W s) twice, y = w·s + b
///
/// TenSet trains it with LambdaRank on `min cost / cost`, Adam 7·10⁻⁴, batches of 512. It has ten more columns, tags of the
/// workload, which the feature sets here lack. Edges and graph features are not used. The output is a score: any number.
///
/// # Shapes
/// A batch of G programs with rows of width `inputs`, and H heads → (G, H)
#[derive(Debug)]
pub struct TensetMlp {
    rows: Stack,
    blocks: Residual,
    heads: Vec<Mlp>,
}

/// x ← x + ReLU(W x + b), time after time.
#[derive(Debug)]
pub(crate) struct Residual(Vec<Linear>);

impl Residual {
    /// Layers `residual.0`, `residual.1`, … under `vs`.
    pub fn new(vs: &nn::Path<'_>, width: i64, blocks: usize) -> Result<Self> {
        let block = |l: usize| Linear::new(&(vs / "residual" / l), width, width, true);
        Ok(Self((0..blocks).map(block).collect::<Result<_, _>>()?))
    }

    /// (n, width) → (n, width)
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut y = x.shallow_clone();
        for block in &self.0 {
            let add = Activation::Relu.apply(&block.forward(&y)?)?;
            y = y.f_add(&add).map_err(torch("residual block"))?;
        }
        Ok(y)
    }
}

impl TensetMlp {
    fn new(vs: &nn::Path<'_>, inputs: i64, outputs: usize, config: &TensetMlpConfig) -> Result<Self> {
        let hidden = config.hidden;
        Ok(Self {
            rows: Stack::new(&(vs / "rows"), inputs, &[hidden, hidden], Activation::Relu)?,
            blocks: Residual::new(vs, hidden, config.blocks)?,
            heads: Mlp::heads(vs, hidden, &[], 0.0, outputs)?,
        })
    }
}

impl Network for TensetMlp {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], train: bool) -> Result<Tensor> {
        read(&self.heads, outputs, &self.embed(batch)?, train)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let rows = Activation::Relu.apply(&self.rows.forward(&batch.nodes)?)?;
        self.blocks.forward(&batch.graph_of_row.sum(&rows, None)?)
    }
}
