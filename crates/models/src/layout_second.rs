//! Configurations as the second place of the competition ranked them.

use serde::{Deserialize, Serialize};
use tachograph_features::{FeatureSet, Schema};
use tachograph_gnn::{Context, Conv, GraphBatch, Linear, Sage, SageConfig, torch};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Network, NetworkConfig, Ranking, Result,
    rows::{Embedding, beside, configured, one_output, pick, widths},
    stack::Activation,
};

/// Settings of [`LayoutSecond`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayoutSecondConfig {
    /// Width of the projected features.
    pub features: i64,
    /// Width of the embedding of operators.
    pub embedding: i64,
    /// Width of each graph layer. The default is that for XLA's layouts; `[256, 256, 256, 256, 512, 512, 512, 512]`
    /// served those of NLP, and tiles.
    pub widths: Vec<i64>,
}

impl Default for LayoutSecondConfig {
    fn default() -> Self {
        Self { features: 20, embedding: 12, widths: vec![64, 64, 128, 128, 256, 256] }
    }
}

impl NetworkConfig for LayoutSecondConfig {
    const KIND: &'static str = "layout-second";

    fn layers(&self) -> usize {
        self.widths.len()
    }

    fn ranking(&self) -> Option<Ranking> {
        Some(Ranking { features: FeatureSet::XLA_LOG, undirected: false, ..Ranking::default() })
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, _: &[Quantity]) -> Result<Box<dyn Network>> {
        Ok(Box::new(LayoutSecond::new(vs, schema, self)?))
    }

    fn variants() -> Vec<Self> {
        vec![Self { features: 5, embedding: 3, widths: vec![8, 8, 12] }]
    }
}

/// A stack of GraphSAGE over whole graphs, and a score of every node (`Obs01ete/kaggle_latenciaga`, the second place of the
/// competition on TpuGraphs):
///
/// x⁰ = W f ‖ op ‖ c, x ← ReLU(SAGE(x)), s = Σᵢ w · xᵢ
///
/// f and c are sign(x)·ln(1 + |x|) where they are scaled.
///
/// # Shapes
/// A batch of configured graphs → (copies, 1)
#[derive(Debug)]
pub struct LayoutSecond {
    features: Linear,
    opcodes: Embedding,
    layers: Vec<Sage>,
    head: Linear,
}

/// The released network scales its sums by this.
const SCALE: f64 = 1e-3;

impl LayoutSecond {
    fn new(vs: &nn::Path<'_>, schema: &Schema, config: &LayoutSecondConfig) -> Result<Self> {
        let [nodes, columns] = widths(schema);
        let first = config.features + config.embedding + columns;
        let stack: Vec<i64> = [first].iter().chain(&config.widths).copied().collect();
        let layer = |(l, w): (usize, &[i64])| Sage::new(&(vs / "graph" / l), w[0], w[1], SageConfig::default());
        Ok(Self {
            features: Linear::new(&(vs / "features"), nodes, config.features, true)?,
            opcodes: Embedding::opcodes(vs, config.embedding)?,
            layers: stack.windows(2).enumerate().map(layer).collect::<Result<_, _>>()?,
            head: Linear::new(&(vs / "head"), stack.last().copied().unwrap_or(first), 1, true)?,
        })
    }

    fn rows(&self, batch: &GraphBatch) -> Result<Tensor> {
        let configured = configured("layout-second", batch)?;
        let features = self.features.forward(&configured.features)?;
        let nodes = beside(&[&features, &self.opcodes.of_nodes(configured)?])?;
        let configuration = pick(&configured.configurations, &configured.configuration)?;
        let mut x = beside(&[&pick(&nodes, &configured.node)?, &configuration])?;
        for (l, layer) in self.layers.iter().enumerate() {
            x = Activation::Relu.apply(&layer.forward(&x, batch.layer_edges(l)?, &Context::default())?)?;
        }
        Ok(x)
    }
}

impl Network for LayoutSecond {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], _: bool) -> Result<Tensor> {
        one_output(outputs)?;
        let scores = self.head.forward(&self.rows(batch)?)?;
        let sums = batch.graph_of_row.sum(&scores, None)?.f_mul_scalar(SCALE).map_err(torch("scores"))?;
        Ok(configured("layout-second", batch)?.copies(&sums)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let sums = batch.graph_of_row.sum(&self.rows(batch)?, None)?;
        Ok(configured("layout-second", batch)?.copies(&sums)?)
    }
}
