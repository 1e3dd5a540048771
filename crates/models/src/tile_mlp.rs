//! The baseline of tile sizes that has no edges.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{GraphBatch, Join, Pool};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Kinds, Network, NetworkConfig, Ranking, Result,
    rows::{Embedding, beside, configured, one_output, pick, widths},
    stack::{LEAKY, Stack},
};

/// Settings of [`TileMlp`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TileMlpConfig {
    /// Width of the layers.
    pub hidden: i64,
    /// Width of the embedding of operators.
    pub embedding: i64,
}

impl Default for TileMlpConfig {
    fn default() -> Self {
        Self { hidden: 64, embedding: 32 }
    }
}

impl NetworkConfig for TileMlpConfig {
    const KIND: &'static str = "tile-mlp";

    fn layers(&self) -> usize {
        0
    }

    fn ranking(&self) -> Option<Ranking> {
        Some(Ranking { join: Join::Late, kinds: Kinds::Graph, ..Ranking::default() })
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, _: &[Quantity]) -> Result<Box<dyn Network>> {
        let [nodes, columns] = widths(schema);
        Ok(Box::new(TileMlp {
            opcodes: Embedding::opcodes(vs, self.embedding)?,
            head: Stack::new(&(vs / "head"), self.embedding + nodes + columns, &[self.hidden, self.hidden, 1], LEAKY)?,
        }))
    }

    fn variants() -> Vec<Self> {
        vec![Self { hidden: 8, embedding: 4 }]
    }
}

/// An MLP of sums over nodes (Phothilimthana et al., NeurIPS 2023, `baselines/tiles`): s = MLP(Σᵢ (opᵢ ‖ fᵢ) ‖ c)
///
/// # Shapes
/// A batch of configured graphs → (copies, 1)
#[derive(Debug)]
pub struct TileMlp {
    opcodes: Embedding,
    head: Stack,
}

impl Network for TileMlp {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], _: bool) -> Result<Tensor> {
        one_output(outputs)?;
        self.head.forward(&self.embed(batch)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let configured = configured("tile-mlp", batch)?;
        let nodes = beside(&[&self.opcodes.of_nodes(configured)?, &configured.features])?;
        let pooled = Pool::Sum.apply(&batch.graph_of_row, &pick(&nodes, &configured.node)?)?;
        beside(&[&configured.copies(&pooled)?, &pick(&configured.configurations, &configured.of_copy)?])
    }
}
