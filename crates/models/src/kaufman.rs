//! A learned performance model for TPUs.

use serde::{Deserialize, Serialize};
use tachograph_features::Schema;
use tachograph_gnn::{
    BatchOptions, GraphBatch, LayerEdges, Linear, MultiHeadAttention, MultiHeadAttentionConfig, Pool, normalize, torch,
};
use tachograph_ir::Quantity;
use tch::{Kind, Tensor, nn};

use crate::{
    JoinAt, Kinds, Network, NetworkConfig, Ranking, Result,
    rows::{Embedding, beside, configured, one_output, pick, widths},
    stack::{Activation, Stack},
};

/// From the nodes of a kernel to the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// A number for each node, and their sum.
    #[default]
    Sum,
    /// Mean, channel by channel.
    Mean,
    /// Maximum, channel by channel.
    Max,
    /// The last state of an LSTM over the nodes in topological order.
    Lstm,
    /// The sum over what a layer of a Transformer makes of them.
    Transformer,
}

/// Settings of [`Kaufman`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KaufmanConfig {
    /// Where the configuration comes in.
    pub join: JoinAt,
    /// Consumers speak too, through weights of their own.
    pub directed: bool,
    /// Width of the layers; even.
    pub hidden: i64,
    /// Width of the embedding of operators.
    pub embedding: i64,
    /// Number of graph layers.
    pub layers: usize,
    /// From nodes to the kernel.
    pub reduction: Reduction,
}

impl Default for KaufmanConfig {
    fn default() -> Self {
        let (join, reduction) = (JoinAt::Early, Reduction::Transformer);
        Self { join, directed: true, hidden: 128, embedding: 64, layers: 3, reduction }
    }
}

impl KaufmanConfig {
    /// Sequences hold every node.
    fn is_sequence(&self) -> bool {
        matches!(self.reduction, Reduction::Lstm | Reduction::Transformer)
    }
}

impl NetworkConfig for KaufmanConfig {
    const KIND: &'static str = "kaufman";

    fn layers(&self) -> usize {
        self.layers
    }

    fn compressible(&self) -> bool {
        !self.is_sequence()
    }

    fn batch_options(&self, _: bool) -> BatchOptions {
        let (compressed, reverse) = (!self.is_sequence(), self.directed);
        BatchOptions { layers: self.layers, compressed, reverse, ..BatchOptions::default() }
    }

    fn ranking(&self) -> Option<Ranking> {
        // What is chosen for nodes has no place beside the kernel.
        let kinds = if self.join == JoinAt::Late { Kinds::Graph } else { Kinds::Both };
        Some(Ranking { join: self.join.into(), undirected: false, kinds, ..Ranking::default() })
    }

    fn build(&self, vs: &nn::Path<'_>, schema: &Schema, _: &[Quantity]) -> Result<Box<dyn Network>> {
        Ok(Box::new(Kaufman::new(vs, schema, self)?))
    }

    fn variants() -> Vec<Self> {
        use Reduction::{Lstm, Max, Mean, Sum, Transformer};
        let narrow = Self { hidden: 8, embedding: 4, layers: 2, ..Self::default() };
        let mut all: Vec<Self> =
            [Sum, Mean, Max, Lstm, Transformer].map(|reduction| Self { reduction, ..narrow.clone() }).to_vec();
        all.push(Self { directed: false, reduction: Sum, join: JoinAt::Late, ..narrow });
        all
    }
}

/// GraphSAGE over the kernel with sums and norms (Kaufman et al., MLSys 2021):
///
/// x⁰ = ReLU(W(op ‖ f ‖ c)), x ← W₃(x ‖ Σ ReLU(W₂xⱼ) [‖ Σ ReLU(W₂'xⱼ) of consumers]) / ‖·‖, s = w · reduction(x)
///
/// Configurations are copied to every node (early) or stand beside the reduction (late). Trained with a pairwise hinge or
/// logistic loss on tile sizes, and with the squared error of the logarithm on fusions. Widths are our choice: the
/// publication's are not known here.
///
/// # Shapes
/// A batch of configured graphs → (copies, 1)
#[derive(Debug)]
pub struct Kaufman {
    opcodes: Embedding,
    first: Linear,
    layers: Vec<Layer>,
    sequence: Option<Sequence>,
    head: Linear,
    config: KaufmanConfig,
}

#[derive(Debug)]
struct Layer {
    producers: Linear,
    consumers: Option<Linear>,
    own: Linear,
}

#[derive(Debug)]
enum Sequence {
    /// Weights and biases of input and state.
    Lstm([Tensor; 4]),
    Transformer(Box<MultiHeadAttention>, Stack),
}

impl Layer {
    fn new(vs: &nn::Path<'_>, width: i64, directed: bool) -> Result<Self> {
        let messages = |name: &str| Linear::new(&(vs / name), width, width, true);
        let sides = if directed { 3 } else { 2 };
        Ok(Self {
            producers: messages("producers")?,
            consumers: directed.then(|| messages("consumers")).transpose()?,
            own: Linear::new(&(vs / "own"), sides * width, width, true)?,
        })
    }

    fn forward(&self, x: &Tensor, hop: &LayerEdges) -> Result<Tensor> {
        let message = |linear: &Linear| Activation::Relu.apply(&linear.forward(x)?);
        let mut sides = vec![hop.residual_rows(x)?, hop.edges.sum(&message(&self.producers)?, None)?];
        if let Some(consumers) = &self.consumers {
            sides.push(hop.reversed()?.sum(&message(consumers)?, None)?);
        }
        Ok(normalize(&self.own.forward(&beside(&sides.iter().collect::<Vec<_>>())?)?)?)
    }
}

impl Kaufman {
    fn new(vs: &nn::Path<'_>, schema: &Schema, config: &KaufmanConfig) -> Result<Self> {
        let [nodes, columns] = widths(schema);
        let (hidden, early) = (config.hidden, config.join == JoinAt::Early);
        let weights = |name: &str, shape: &[i64]| {
            let bound = 1.0 / (hidden as f64).sqrt();
            (vs / "lstm").f_var(name, shape, nn::Init::Uniform { lo: -bound, up: bound }).map_err(torch("LSTM"))
        };
        let sequence = match config.reduction {
            Reduction::Lstm => Some(Sequence::Lstm([
                weights("weight_ih", &[4 * hidden, hidden])?,
                weights("weight_hh", &[4 * hidden, hidden])?,
                weights("bias_ih", &[4 * hidden])?,
                weights("bias_hh", &[4 * hidden])?,
            ])),
            Reduction::Transformer => {
                let heads = MultiHeadAttentionConfig { heads: 2, ..MultiHeadAttentionConfig::default() };
                Some(Sequence::Transformer(
                    Box::new(MultiHeadAttention::new(&(vs / "attention"), hidden, heads)?),
                    Stack::new(&(vs / "transformer"), hidden, &[hidden, hidden], Activation::Relu)?,
                ))
            }
            _ => None,
        };
        Ok(Self {
            opcodes: Embedding::opcodes(vs, config.embedding)?,
            first: Linear::new(
                &(vs / "first"),
                config.embedding + nodes + if early { columns } else { 0 },
                hidden,
                true,
            )?,
            layers: (0..config.layers)
                .map(|l| Layer::new(&(vs / "graph" / l), hidden, config.directed))
                .collect::<Result<_>>()?,
            sequence,
            head: Linear::new(&(vs / "head"), hidden + if early { 0 } else { columns }, 1, true)?,
            config: config.clone(),
        })
    }

    fn reduce(&self, batch: &GraphBatch, x: &Tensor) -> Result<Tensor> {
        let members = &batch.graph_of_row;
        Ok(match (&self.sequence, self.config.reduction) {
            (Some(Sequence::Lstm(weights)), _) => lstm(batch, x, weights)?,
            (Some(Sequence::Transformer(attention, mlp)), _) => {
                let add = |a: &Tensor, b: &Tensor| a.f_add(b).map_err(torch("Transformer"));
                let x = add(x, &attention.forward_nodes(x, members, false)?)?;
                Pool::Sum.apply(members, &add(&x, &mlp.forward(&x)?)?)?
            }
            (None, Reduction::Mean) => Pool::Mean.apply(members, x)?,
            (None, Reduction::Max) => Pool::Max.apply(members, x)?,
            (None, _) => Pool::Sum.apply(members, x)?,
        })
    }
}

/// The state after the last node of each graph, of (graphs, d).
fn lstm(batch: &GraphBatch, x: &Tensor, weights: &[Tensor; 4]) -> Result<Tensor> {
    let parts = batch.split(x)?;
    let run = || {
        let last: Vec<i64> = parts.iter().map(|part| (part.size()[0] - 1).max(0)).collect();
        // Padding stands behind the last node, and no state before it depends on that.
        let padded = Tensor::f_pad_sequence(&parts, true, 0.0, "right")?;
        let (graphs, width) = (parts.len() as i64, x.size2()?.1);
        let zeros = || Tensor::f_zeros([1, graphs, width], (Kind::Float, x.device()));
        let (states, ..) =
            padded.f_lstm(&[zeros()?, zeros()?], weights.as_slice(), true, 1, 0.0, false, false, true)?;
        let last = Tensor::f_from_slice(&last)?.f_to_device(x.device())?.f_view([graphs, 1, 1])?;
        states.f_gather(1, &last.f_expand([graphs, 1, width], false)?, false)?.f_squeeze_dim(1)
    };
    Ok(run().map_err(torch("LSTM"))?)
}

impl Network for Kaufman {
    fn forward(&self, batch: &GraphBatch, outputs: &[usize], _: bool) -> Result<Tensor> {
        one_output(outputs)?;
        Ok(self.head.forward(&self.embed(batch)?)?)
    }

    fn embed(&self, batch: &GraphBatch) -> Result<Tensor> {
        let configured = configured("kaufman", batch)?;
        let nodes = beside(&[&self.opcodes.of_nodes(configured)?, &configured.features])?;
        let mut x = pick(&nodes, &configured.node)?;
        if self.config.join == JoinAt::Early {
            x = beside(&[&x, &pick(&configured.configurations, &configured.configuration)?])?;
        }
        x = Activation::Relu.apply(&self.first.forward(&x)?)?;
        for (l, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&x, batch.layer_edges(l)?)?;
        }
        let pooled = configured.copies(&self.reduce(batch, &x)?)?;
        match self.config.join {
            JoinAt::Early => Ok(pooled),
            JoinAt::Late => beside(&[&pooled, &pick(&configured.configurations, &configured.of_copy)?]),
        }
    }
}
