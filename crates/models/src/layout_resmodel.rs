//! ResModel, TpuGraphs' baseline of layouts.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{
    BatchOptions, Configured, Context, Conv, GraphBatch, ResidualForm, ResidualGcn, ResidualGcnConfig, normalize, torch,
};
use tachograph_ir::Quantity;
use tch::{Kind, Tensor, nn};

use crate::{
    Kinds, Network, NetworkConfig, Ranking, Result,
    rows::{Embedding, beside, carry, configured, one_output, pick, widths},
    stack::{LEAKY, Stack},
};

/// The baseline multiplies configurations by this.
const WEIGHT: f64 = 100.0;

/// Settings of [`LayoutResModel`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayoutResModelConfig {
    /// Width of the layers.
    pub hidden: i64,
    /// Width of the embedding of operators.
    pub embedding: i64,
    /// Number of graph layers.
    pub layers: usize,
    /// Means over in-edges and out-edges apart, in place of the symmetric adjacency.
    pub asymmetric: bool,
    /// Nodes of the block that alone gets gradients in a training step; 0: all.
    pub keep_nodes: usize,
}

impl Default for LayoutResModelConfig {
    fn default() -> Self {
        Self { hidden: 32, embedding: 32, layers: 2, asymmetric: false, keep_nodes: 5000 }
    }
}

impl NetworkConfig for LayoutResModelConfig {
    const KIND: &'static str = "layout-resmodel";

    fn layers(&self) -> usize {
        self.layers
    }

    fn batch_options(&self, _: bool) -> BatchOptions {
        BatchOptions { layers: self.layers, compressed: true, self_loops: true, reverse: self.asymmetric }
    }

    fn ranking(&self) -> Option<Ranking> {
        let undirected = !self.asymmetric;
        Some(Ranking { undirected, gradients: self.keep_nodes, kinds: Kinds::Nodes, ..Ranking::default() })
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, _: &[Quantity]) -> Result<Box<dyn Network>> {
        Ok(Box::new(LayoutResModel::new(vs, schema, self)?))
    }

    fn variants() -> Vec<Self> {
        let narrow = Self { hidden: 8, embedding: 4, ..Self::default() };
        vec![narrow.clone(), Self { asymmetric: true, ..narrow }]
    }
}

/// Residual graph convolutions that see the configuration again in every layer (Phothilimthana et al., NeurIPS 2023,
/// `baselines/layout`):
///
/// x = φ(MLP(c ‖ f ‖ op)), x ← x + φ(MLP(Â[c ‖ x])), Â = D^−½(A + Aᵀ + I)D^−½,
/// s = MLP(mean x ‖ Σ x / ‖·‖ ‖ Σ x of configurable nodes / ‖·‖), without biases
///
/// c are the configurations times 100, 0 where there is none; φ is a leaky ReLU of slope 0.2.
///
/// In training only the nodes of one block of `keep_nodes` get gradients, from a pass over the block alone; the others
/// come from a pass over the whole graph without gradients.
///
/// # Shapes
/// A batch of configured graphs → (copies, 1)
#[derive(Debug)]
pub struct LayoutResModel {
    opcodes: Embedding,
    first: Stack,
    layers: Vec<ResidualGcn>,
    head: Stack,
}

/// Σ x, Σ x of configurable nodes: (copies, d) each.
struct Sums {
    all: Tensor,
    configurable: Tensor,
}

impl LayoutResModel {
    fn new(vs: &nn::Path<'_>, schema: &Schema, config: &LayoutResModelConfig) -> Result<Self> {
        let [nodes, columns] = widths(schema);
        let hidden = config.hidden;
        let form = if config.asymmetric { ResidualForm::LayoutAsymmetric } else { ResidualForm::Layout };
        let block = ResidualGcnConfig { form, context: columns, ..ResidualGcnConfig::default() };
        let layer = |l: usize| ResidualGcn::new(&(vs / "graph" / l), hidden, hidden, block);
        let inputs = columns + nodes + config.embedding;
        Ok(Self {
            opcodes: Embedding::opcodes(vs, config.embedding)?,
            first: Stack::new(&(vs / "first"), inputs, &[hidden, hidden], LEAKY)?,
            layers: (0..config.layers).map(layer).collect::<Result<_, _>>()?,
            head: Stack::unbiased(&(vs / "head"), 3 * hidden, &[hidden, 1], LEAKY)?,
        })
    }

    /// Rows of the last layer, and which of them are configurable: (rows, d), (rows, 1).
    fn rows(&self, batch: &GraphBatch, configured: &Configured) -> Result<(Tensor, Tensor)> {
        let operators = self.opcodes.of_nodes(configured)?;
        let nodes = pick(&beside(&[&configured.features, &operators])?, &configured.node)?;
        let context = pick(&configured.configurations, &configured.configuration)?;
        let mut context = context.f_mul_scalar(WEIGHT).map_err(torch("configurations"))?;
        let marks = configured.configurable.f_to_kind(Kind::Float).and_then(|m| m.f_unsqueeze(1));
        let mut marks = marks.map_err(torch("configurable nodes"))?;
        let mut x = LEAKY.apply(&self.first.forward(&beside(&[&context, &nodes])?)?)?;
        for (l, layer) in self.layers.iter().enumerate() {
            let hop = batch.layer_edges(l)?;
            x = layer.forward(&x, hop, &Context { nodes: Some(&context), ..Context::default() })?;
            context = hop.residual_rows(&context)?;
            marks = carry(batch, l, &marks)?;
        }
        Ok((x, marks))
    }

    fn sums(&self, batch: &GraphBatch, configured: &Configured) -> Result<Sums> {
        let (x, marks) = self.rows(batch, configured)?;
        let configurable = x.f_mul(&marks).map_err(torch("read-out"))?;
        let members = &batch.graph_of_row;
        Ok(Sums { all: members.sum(&x, None)?, configurable: members.sum(&configurable, None)? })
    }

    /// The sums with gradients of the block alone.
    fn of_block(&self, batch: &GraphBatch, configured: &Configured) -> Result<Option<Sums>> {
        let Some(segment) = &configured.segment else { return Ok(None) };
        let rest = tch::no_grad(|| -> Result<Sums> {
            let (x, marks) = self.rows(batch, configured)?;
            let marked = x.f_mul(&marks).map_err(torch("read-out"))?;
            let outside = |x: &Tensor| -> Result<Tensor> {
                let (all, block) = (batch.graph_of_row.sum(x, None)?, segment.rows.sum(x, None)?);
                Ok(all.f_sub(&block).map_err(torch("read-out"))?)
            };
            Ok(Sums { all: outside(&x)?, configurable: outside(&marked)? })
        })?;
        let live = self.sums(&segment.batch, crate::rows::configured("layout-resmodel", &segment.batch)?)?;
        let add = |a: &Tensor, b: &Tensor| a.f_add(b).map_err(torch("read-out"));
        Ok(Some(Sums { all: add(&live.all, &rest.all)?, configurable: add(&live.configurable, &rest.configurable)? }))
    }

    fn pooled(&self, batch: &GraphBatch, train: bool) -> Result<Tensor> {
        let configured = configured("layout-resmodel", batch)?;
        let block = if train { self.of_block(batch, configured)? } else { None };
        let sums = match block {
            Some(sums) => sums,
            None => self.sums(batch, configured)?,
        };
        let sizes: Vec<f32> =
            configured.lists.iter().flat_map(|&(copies, n)| std::iter::repeat_n(n as f32, copies as usize)).collect();
        let mean = Tensor::f_from_slice(&sizes)
            .and_then(|n| sums.all.f_div(&n.f_unsqueeze(1)?.f_to_device(sums.all.device())?))
            .map_err(torch("read-out"))?;
        beside(&[&mean, &normalize(&sums.all)?, &normalize(&sums.configurable)?])
    }
}

impl Network for LayoutResModel {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], train: bool) -> Result<Tensor> {
        one_output(outputs)?;
        self.head.forward(&self.pooled(batch, train)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        self.pooled(batch, false)
    }
}
