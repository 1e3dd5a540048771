//! EarlyJoinSAGE and LateJoinSAGE, TpuGraphs' first baselines of tile sizes.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{GraphBatch, Linear, Pool, normalize};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    JoinAt, Kinds, Network, NetworkConfig, Ranking, Result,
    rows::{Embedding, beside, configured, one_output, pick, widths},
    stack::{LEAKY, Stack},
};

/// Settings of [`TileSage`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TileSageConfig {
    /// Where the configuration comes in.
    pub join: JoinAt,
    /// Width of the layers.
    pub hidden: i64,
    /// Width of the embedding of operators.
    pub embedding: i64,
    /// Number of graph layers.
    pub layers: usize,
}

impl Default for TileSageConfig {
    fn default() -> Self {
        Self { join: JoinAt::Early, hidden: 64, embedding: 64, layers: 3 }
    }
}

impl NetworkConfig for TileSageConfig {
    const KIND: &'static str = "tile-sage";

    fn layers(&self) -> usize {
        self.layers
    }

    fn ranking(&self) -> Option<Ranking> {
        Some(Ranking { join: self.join.into(), kinds: Kinds::Graph, ..Ranking::default() })
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, _: &[Quantity]) -> Result<Box<dyn Network>> {
        Ok(Box::new(TileSage::new(vs, schema, self)?))
    }

    fn variants() -> Vec<Self> {
        [JoinAt::Early, JoinAt::Late].map(|join| Self { join, hidden: 8, embedding: 4, layers: 2 }).to_vec()
    }
}

/// GraphSAGE with sums over neighbours of both directions (Phothilimthana et al., NeurIPS 2023, `baselines/tiles`):
///
/// x⁰ᵢ = opᵢ ‖ c ‖ fᵢ (early) or opᵢ ‖ fᵢ (late), y = (A + Aᵀ)x, x ← φ(W[y ‖ x] + b) / ‖·‖,
/// s = MLP(Σᵢ xᵢ) (early) or MLP(Σᵢ xᵢ ‖ c)
///
/// φ is a leaky ReLU of slope 0.2. The baseline's penalties on weights (L2, 1e-4) are the decay of the optimiser here; that
/// on the activity of the embedding is left out.
///
/// # Shapes
/// A batch of configured graphs → (copies, 1)
#[derive(Debug)]
pub struct TileSage {
    opcodes: Embedding,
    layers: Vec<Linear>,
    head: Stack,
    join: JoinAt,
}

impl TileSage {
    fn new(vs: &nn::Path<'_>, schema: &Schema, config: &TileSageConfig) -> Result<Self> {
        let [nodes, columns] = widths(schema);
        let (hidden, early) = (config.hidden, config.join == JoinAt::Early);
        let first = config.embedding + nodes + if early { columns } else { 0 };
        let layer = |l: usize| {
            let inputs = if l == 0 { first } else { hidden };
            Linear::new(&(vs / "graph" / l), 2 * inputs, hidden, true)
        };
        let last = if config.layers == 0 { first } else { hidden };
        let pooled = last + if early { 0 } else { columns };
        Ok(Self {
            opcodes: Embedding::opcodes(vs, config.embedding)?,
            layers: (0..config.layers).map(layer).collect::<Result<_, _>>()?,
            head: Stack::new(&(vs / "head"), pooled, &[hidden, hidden, 1], LEAKY)?,
            join: config.join,
        })
    }
}

impl Network for TileSage {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], _: bool) -> Result<Tensor> {
        one_output(outputs)?;
        self.head.forward(&self.embed(batch)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let configured = configured("tile-sage", batch)?;
        let operators = pick(&self.opcodes.of_nodes(configured)?, &configured.node)?;
        let features = pick(&configured.features, &configured.node)?;
        let mut x = match self.join {
            JoinAt::Early => {
                let configuration = pick(&configured.configurations, &configured.configuration)?;
                beside(&[&operators, &configuration, &features])?
            }
            JoinAt::Late => beside(&[&operators, &features])?,
        };
        for (l, layer) in self.layers.iter().enumerate() {
            let hop = batch.layer_edges(l)?;
            let y = beside(&[&hop.edges.sum(&x, None)?, &hop.residual_rows(&x)?])?;
            x = normalize(&LEAKY.apply(&layer.forward(&y)?)?)?;
        }
        let pooled = configured.copies(&Pool::Sum.apply(&batch.graph_of_row, &x)?)?;
        match self.join {
            JoinAt::Early => Ok(pooled),
            JoinAt::Late => beside(&[&pooled, &pick(&configured.configurations, &configured.of_copy)?]),
        }
    }
}
