//! A plain graph network over configured nodes, as an independent study trained it.

use serde::{Deserialize, Serialize};
use tachograph_features::{FeatureSet, Schema};
use tachograph_gnn::{BatchOptions, Context, Conv, GcnConfig, GraphBatch, LayerConfig, Pool};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Network, NetworkConfig, Ranking, Result,
    rows::{Embedding, beside, configured, one_output, pick, widths},
    stack::{Activation, Stack},
};

/// Settings of [`LayoutGnn`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayoutGnnConfig {
    /// Width of the layers.
    pub hidden: i64,
    /// Width of the embedding of operators.
    pub embedding: i64,
    /// Number of graph layers.
    pub layers: usize,
    /// The graph layer: `gcn`, `gat` or another.
    pub conv: LayerConfig,
}

impl Default for LayoutGnnConfig {
    fn default() -> Self {
        Self { hidden: 64, embedding: 32, layers: 3, conv: GcnConfig::default().into() }
    }
}

impl NetworkConfig for LayoutGnnConfig {
    const KIND: &'static str = "layout-gnn";

    fn layers(&self) -> usize {
        self.layers
    }

    fn batch_options(&self, _: bool) -> BatchOptions {
        BatchOptions { layers: self.layers, ..self.conv.batch_options() }
    }

    fn ranking(&self) -> Option<Ranking> {
        Some(Ranking { features: FeatureSet::XLA_STANDARD, ..Ranking::default() })
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, _: &[Quantity]) -> Result<Box<dyn Network>> {
        Ok(Box::new(LayoutGnn::new(vs, schema, self)?))
    }

    fn variants() -> Vec<Self> {
        let narrow = Self { hidden: 8, embedding: 4, layers: 2, ..Self::default() };
        let gat = tachograph_gnn::GatConfig::default().into();
        vec![narrow.clone(), Self { conv: gat, ..narrow }]
    }
}

/// An embedding of operators beside features and configuration, graph convolutions, a mean (Xu et al., an independent study
/// of TpuGraphs; trained with ListMLE):
///
/// x⁰ = op ‖ f ‖ c, x ← ReLU(conv(x)), s = MLP(mean x)
///
/// Widths and depth are our choice: the study's are not known here.
///
/// # Shapes
/// A batch of configured graphs → (copies, 1)
#[derive(Debug)]
pub struct LayoutGnn {
    opcodes: Embedding,
    layers: Vec<Box<dyn Conv>>,
    head: Stack,
}

impl LayoutGnn {
    fn new(vs: &nn::Path<'_>, schema: &Schema, config: &LayoutGnnConfig) -> Result<Self> {
        let [nodes, columns] = widths(schema);
        let mut width = config.embedding + nodes + columns;
        let mut layers = Vec::new();
        for l in 0..config.layers {
            let layer = config.conv.layer(&(vs / "graph" / l), width, config.hidden)?;
            width = layer.width();
            layers.push(layer);
        }
        let head = Stack::new(&(vs / "head"), width, &[config.hidden, 1], Activation::Relu)?;
        Ok(Self { opcodes: Embedding::opcodes(vs, config.embedding)?, layers, head })
    }
}

impl Network for LayoutGnn {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], _: bool) -> Result<Tensor> {
        one_output(outputs)?;
        self.head.forward(&self.embed(batch)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let configured = configured("layout-gnn", batch)?;
        let nodes = beside(&[&self.opcodes.of_nodes(configured)?, &configured.features])?;
        let configuration = pick(&configured.configurations, &configured.configuration)?;
        let mut x = beside(&[&pick(&nodes, &configured.node)?, &configuration])?;
        for (l, layer) in self.layers.iter().enumerate() {
            x = Activation::Relu.apply(&layer.forward(&x, batch.layer_edges(l)?, &Context::default())?)?;
        }
        Ok(configured.copies(&Pool::Mean.apply(&batch.graph_of_row, &x)?)?)
    }
}
