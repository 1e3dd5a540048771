//! Configurations ranked by the choices that they are. Our own model.

use serde::{Deserialize, Serialize};
use tachograph_features::{FeatureSet, Schema};
use tachograph_gnn::{
    Context, Conv, GraphBatch, Join, Linear, MultiHeadAttention, MultiHeadAttentionConfig, Pool, Sage, SageConfig,
    torch,
};
use tachograph_ir::Quantity;
use tch::{Tensor, nn};

use crate::{
    Network, NetworkConfig, Ranking, Result,
    rows::{Embedding, beside, configured, one_output, pick, widths},
    stack::{Activation, Stack},
};

/// Width of the embedding of a place in a layout.
const PLACE: i64 = 4;

/// Settings of [`ChoiceAttention`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChoiceAttentionConfig {
    /// Width of the layers.
    pub hidden: i64,
    /// Width of the embedding of operators.
    pub embedding: i64,
    /// Number of graph layers.
    pub layers: usize,
    /// Rounds of attention among the choices of a configuration.
    pub rounds: usize,
    /// Heads of each.
    pub heads: i64,
    /// Numbers are read as sign(x)·ln(1 + |x|) in place of mean 0 and standard deviation 1, and those of a tile, where small ones may be
    /// codes, by an embedding beside.
    pub logarithms: bool,
}

impl Default for ChoiceAttentionConfig {
    fn default() -> Self {
        Self { hidden: 64, embedding: 16, layers: 3, rounds: 2, heads: 4, logarithms: false }
    }
}

impl NetworkConfig for ChoiceAttentionConfig {
    const KIND: &'static str = "choice-attention";

    fn layers(&self) -> usize {
        self.layers
    }

    fn ranking(&self) -> Option<Ranking> {
        let features = if self.logarithms { FeatureSet::XLA_LOG } else { FeatureSet::XLA_STANDARD };
        Some(Ranking { features, join: Join::Late, ..Ranking::default() })
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, _: &[Quantity]) -> Result<Box<dyn Network>> {
        Ok(Box::new(ChoiceAttention::new(vs, schema, self)?))
    }

    fn variants() -> Vec<Self> {
        let narrow = Self { hidden: 8, embedding: 4, layers: 2, rounds: 1, heads: 2, logarithms: false };
        vec![Self { logarithms: true, ..narrow.clone() }, narrow]
    }
}

/// The graph is read once, whatever is chosen on it; then the choices of a configuration look at each other:
///
/// x⁰ = ReLU(W(f ‖ op)), x ← x + ReLU(SAGE(x)) in both directions; of choice v: u = MLP(xᵥ ‖ places of cᵥ);
/// u ← u + attention(u), u ← u + MLP(u); s = MLP(Σ u/√n ‖ mean x)
///
/// A configuration of a whole graph, a tile, is a choice of every node: its numbers stand in the place of places.
///
/// The baselines carry every configuration through every layer; here the cost of one is that of its choices, some dozens of
/// rows instead of thousands.
///
/// # Shapes
/// A batch of configured graphs → (copies, 1)
#[derive(Debug)]
pub struct ChoiceAttention {
    opcodes: Embedding,
    first: Linear,
    layers: Vec<Sage>,
    places: Option<Embedding>,
    of_nodes: bool,
    choice: Stack,
    rounds: Vec<Round>,
    head: Stack,
}

#[derive(Debug)]
struct Round {
    attention: MultiHeadAttention,
    mlp: Stack,
}

impl ChoiceAttention {
    fn new(vs: &nn::Path<'_>, schema: &Schema, config: &ChoiceAttentionConfig) -> Result<Self> {
        let [nodes, columns] = widths(schema);
        let hidden = config.hidden;
        let of_nodes = !schema.configures_graphs();
        let conv = SageConfig { directed: false, ..SageConfig::default() };
        let inputs = hidden
            + match (of_nodes, config.logarithms) {
                (true, _) => columns * PLACE,
                (false, true) => columns * (1 + PLACE),
                (false, false) => columns,
            };
        let round = |r: usize| -> Result<Round> {
            let (vs, heads) = (vs / "rounds" / r, config.heads);
            let settings = MultiHeadAttentionConfig { heads, ..MultiHeadAttentionConfig::default() };
            Ok(Round {
                attention: MultiHeadAttention::new(&(&vs / "attention"), hidden, settings)?,
                mlp: Stack::new(&(&vs / "mlp"), hidden, &[2 * hidden, hidden], Activation::Gelu)?,
            })
        };
        Ok(Self {
            opcodes: Embedding::opcodes(vs, config.embedding)?,
            first: Linear::new(&(vs / "first"), nodes + config.embedding, hidden, true)?,
            layers: (0..config.layers)
                .map(|l| Sage::new(&(vs / "graph" / l), hidden, hidden, conv))
                .collect::<Result<_, _>>()?,
            places: (of_nodes || config.logarithms).then(|| Embedding::layouts(vs, PLACE)).transpose()?,
            of_nodes,
            choice: Stack::new(&(vs / "choice"), inputs, &[2 * hidden, hidden], Activation::Gelu)?,
            rounds: (0..config.rounds).map(round).collect::<Result<_>>()?,
            head: Stack::new(&(vs / "head"), 2 * hidden, &[hidden, 1], Activation::Gelu)?,
        })
    }
}

impl Network for ChoiceAttention {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], _: bool) -> Result<Tensor> {
        one_output(outputs)?;
        self.head.forward(&self.embed(batch)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let configured = configured("choice-attention", batch)?;
        let nodes = beside(&[&configured.features, &self.opcodes.of_nodes(configured)?])?;
        let mut x = Activation::Relu.apply(&self.first.forward(&pick(&nodes, &configured.node)?)?)?;
        let add = |a: &Tensor, b: &Tensor| a.f_add(b).map_err(torch("residual"));
        for (l, layer) in self.layers.iter().enumerate() {
            let hop = batch.layer_edges(l)?;
            let y = Activation::Relu.apply(&layer.forward(&x, hop, &Context::default())?)?;
            x = add(&hop.residual_rows(&x)?, &y)?;
        }
        let graph = configured.copies(&Pool::Mean.apply(&batch.graph_of_row, &x)?)?;
        let numbers = &configured.configurations;
        let of_configurations = match &self.places {
            Some(places) if self.of_nodes => places.of_places(numbers)?,
            // Small numbers of a tile may be codes.
            Some(places) => beside(&[numbers, &places.of_places(&plain(numbers).map_err(torch("codes"))?)?])?,
            None => numbers.shallow_clone(),
        };
        let chosen = pick(&of_configurations, &configured.choice_configuration)?;
        let mut u = self.choice.forward(&beside(&[&pick(&x, &configured.choice_row)?, &chosen])?)?;
        let members = &configured.choices;
        for round in &self.rounds {
            u = add(&u, &round.attention.forward_nodes(&u, members, false)?)?;
            u = add(&u, &round.mlp.forward(&u)?)?;
        }
        let sum = members.sum(&u, None)?;
        let scale = || {
            let counts: Vec<f32> = Vec::<i64>::try_from(&members.counts_of_rows()?)?
                .into_iter()
                .map(|n| 1.0 / (n.max(1) as f32).sqrt())
                .collect();
            sum.f_mul(&Tensor::f_from_slice(&counts)?.f_to_device(sum.device())?.f_unsqueeze(1)?)
        };
        beside(&[&scale().map_err(torch("choices"))?, &graph])
    }
}

/// x of sign(x)·ln(1 + |x|).
fn plain(logarithms: &Tensor) -> std::result::Result<Tensor, tch::TchError> {
    logarithms.f_abs()?.f_expm1()?.f_mul(&logarithms.f_sign()?)?.f_round()
}
