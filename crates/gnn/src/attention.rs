//! Multi-head self-attention.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, nn};

use crate::{Adjacency, Error, Linear, Result, check, error::torch, init};

const LAYER: &str = "multi-head attention";

/// Settings of [`MultiHeadAttention`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MultiHeadAttentionConfig {
    /// Number of heads h; divides the width.
    pub heads: i64,
    /// Biases in the four projections.
    pub bias: bool,
    /// Dropout of attention coefficients, in training.
    pub dropout: f64,
}

impl Default for MultiHeadAttentionConfig {
    fn default() -> Self {
        Self { heads: 1, bias: true, dropout: 0.0 }
    }
}

/// Multi-head self-attention (Vaswani et al., NeurIPS 2017; `torch.nn.MultiheadAttention` with
/// `batch_first`, whose parameter names it shares):
///
/// headᵢ = softmax(Qᵢ·Kᵢᵀ / √(d/h)) · Vᵢ, y = [head₁ ‖ … ‖ head_h] · Wᵒᵀ + bᵒ, (Q, K, V) = x · W_inᵀ + b_in
///
/// libtorch picks its fused kernel where one applies.
///
/// For models whose operators all see each other, such as the graph transformers for TpuGraphs; [`VectorAttention`] is
/// built on it.
///
/// # Shapes
/// (batch, tokens, d) → (batch, tokens, d); over the nodes of graphs (nodes, d) → (nodes, d)
#[derive(Debug)]
pub struct MultiHeadAttention {
    weight: Tensor,
    bias: Option<Tensor>,
    out: Linear,
    width: i64,
    config: MultiHeadAttentionConfig,
}

impl MultiHeadAttention {
    /// Adds `in_proj_weight`, `in_proj_bias` and `out_proj` under `vs`.
    ///
    /// # Errors
    /// `width` is no multiple of `heads`.
    pub fn new(vs: &nn::Path<'_>, width: i64, config: MultiHeadAttentionConfig) -> Result<Self> {
        if config.heads < 1 || width < 1 || width % config.heads != 0 {
            let message = format!("{} heads do not divide a width of {width}", config.heads);
            return Err(Error::Shape { layer: LAYER, message });
        }
        let zeros = |_| vs.f_zeros("in_proj_bias", &[3 * width]).map_err(torch(LAYER));
        Ok(Self {
            weight: init::glorot(vs, "in_proj_weight", &[3 * width, width])?,
            bias: config.bias.then_some(()).map(zeros).transpose()?,
            out: Linear::new(&(vs / "out_proj"), width, width, config.bias)?,
            width,
            config,
        })
    }

    /// Every token attends to the tokens of its row of the batch.
    ///
    /// `mask` is boolean and broadcasts to (batch, heads, tokens, tokens): true where the token of the third
    /// axis may look at the token of the fourth. See [`key_padding`] and [`same_segment`]. A token that may
    /// look nowhere gets the bias of the last projection.
    ///
    /// # Errors
    /// `x` is not (batch, tokens, d), or the mask does not broadcast.
    pub fn forward(&self, x: &Tensor, mask: Option<&Tensor>, train: bool) -> Result<Tensor> {
        let size = x.size();
        if size.len() != 3 || size[2] != self.width {
            let message = format!("input of shape {size:?}, expected (batch, tokens, {})", self.width);
            return Err(Error::Shape { layer: LAYER, message });
        }
        if x.numel() == 0 {
            return Ok(x.shallow_clone());
        }
        self.out.forward(&self.attend(&self.project(x)?, mask, train)?)
    }

    /// Every node attends to the nodes of its graph, or of whatever the rows of `members` are. Nodes are
    /// projected as they lie and padded to the largest graph for the product alone.
    ///
    /// A node's result depends on its whole graph, so the batch must not be compressed.
    ///
    /// # Errors
    /// `x` is not (nodes, d), or `members` does not hold every node exactly once, in order.
    pub fn forward_nodes(&self, x: &Tensor, members: &Adjacency, train: bool) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.width)?;
        check::partition(LAYER, x, members)?;
        if x.numel() == 0 {
            return Ok(x.shallow_clone());
        }
        let slots = Slots::new(members)?;
        let y = self.attend(&slots.pad(&self.project(x)?)?, Some(&slots.mask), train)?;
        self.out.forward(&slots.unpad(&y)?)
    }

    fn project(&self, x: &Tensor) -> Result<Tensor> {
        x.f_linear(&self.weight, self.bias.as_ref()).map_err(torch(LAYER))
    }

    /// (batch, tokens, 3 d) → (batch, tokens, d), before the last projection.
    fn attend(&self, qkv: &Tensor, mask: Option<&Tensor>, train: bool) -> Result<Tensor> {
        let run = || {
            let (batch, tokens, _) = qkv.size3()?;
            let (heads, width) = (self.config.heads, self.width);
            let parts = qkv.f_view([batch, tokens, 3, heads, width / heads])?.f_permute([2, 0, 3, 1, 4])?;
            let [q, k, v] = [parts.f_select(0, 0)?, parts.f_select(0, 1)?, parts.f_select(0, 2)?];
            let dropout = if train { self.config.dropout } else { 0.0 };
            Tensor::f_scaled_dot_product_attention(&q, &k, &v, mask, dropout, false, None, false)?
                .f_transpose(1, 2)?
                .f_reshape([batch, tokens, width])
        };
        run().map_err(torch(LAYER))
    }
}

/// Where each node lies when graphs are padded to the largest.
struct Slots {
    /// (nodes), among graphs × largest.
    slot: Tensor,
    /// (graphs, 1, 1, largest).
    mask: Tensor,
    graphs: i64,
    largest: i64,
}

impl Slots {
    fn new(members: &Adjacency) -> Result<Self> {
        let graph = members.destinations()?;
        let run = || {
            let graphs = members.rows();
            let numbers = |n| Tensor::f_arange(n, (Kind::Int64, graph.device()));
            let sizes = graph.f_bincount(None::<&Tensor>, graphs)?;
            let largest = sizes.f_max()?.f_int64_value(&[])?;
            let starts = sizes.f_cumsum(0, Kind::Int64)?.f_sub(&sizes)?;
            // A node moves by the padding of the graphs before its own.
            let shift = numbers(graphs)?.f_mul_scalar(largest)?.f_sub(&starts)?;
            let slot = shift.f_index_select(0, graph)?.f_add(&numbers(members.len())?)?;
            let mask = numbers(largest)?.f_lt_tensor(&sizes.f_unsqueeze(1)?)?.f_view([graphs, 1, 1, largest])?;
            Ok(Self { slot, mask, graphs, largest })
        };
        run().map_err(torch(LAYER))
    }

    /// (nodes, d) → (graphs, largest, d), zero where there is no node.
    fn pad(&self, x: &Tensor) -> Result<Tensor> {
        let run = || {
            let (_, d) = x.size2()?;
            Tensor::f_zeros([self.graphs * self.largest, d], (x.kind(), x.device()))?
                .f_index_copy(0, &self.slot, x)?
                .f_view([self.graphs, self.largest, d])
        };
        run().map_err(torch(LAYER))
    }

    /// (graphs, largest, d) → (nodes, d).
    fn unpad(&self, y: &Tensor) -> Result<Tensor> {
        y.f_flatten(0, 1).and_then(|y| y.f_index_select(0, &self.slot)).map_err(torch(LAYER))
    }
}

/// Mask of rows with fewer tokens than the longest: (batch) lengths → (batch, 1, 1, tokens).
///
/// # Errors
/// libtorch refuses the lengths.
pub fn key_padding(lengths: &Tensor, tokens: i64) -> Result<Tensor> {
    let numbers = Tensor::f_arange(tokens, (Kind::Int64, lengths.device()));
    let mask = || numbers?.f_lt_tensor(&lengths.f_view([-1, 1, 1, 1])?);
    mask().map_err(torch(LAYER))
}

/// Mask under which tokens see those of their own segment: (batch, tokens) segment numbers →
/// (batch, 1, tokens, tokens).
///
/// # Errors
/// `segments` is not a matrix.
pub fn same_segment(segments: &Tensor) -> Result<Tensor> {
    let mask = || {
        let (batch, tokens) = segments.size2()?;
        segments.f_view([batch, 1, tokens, 1])?.f_eq_tensor(&segments.f_view([batch, 1, 1, tokens])?)
    };
    mask().map_err(torch(LAYER))
}

/// Self-attention among the parts of one vector, as GTuner uses it (Sun et al., DAC 2022): a vector of
/// length l is cut into h tokens of width l/h, which attend to each other with h heads, and is put together
/// again.
///
/// For the cost model of GTuner, which mixes the features of a tensor program with it.
///
/// # Shapes
/// (batch, l) → (batch, l)
#[derive(Debug)]
pub struct VectorAttention {
    attention: MultiHeadAttention,
    length: i64,
}

impl VectorAttention {
    /// Adds the parameters of a [`MultiHeadAttention`] of width l/h under `vs`.
    ///
    /// # Errors
    /// `length` is no multiple of h².
    pub fn new(vs: &nn::Path<'_>, length: i64, config: MultiHeadAttentionConfig) -> Result<Self> {
        if config.heads < 1 || length % config.heads != 0 {
            let message = format!("{} tokens do not divide a vector of length {length}", config.heads);
            return Err(Error::Shape { layer: LAYER, message });
        }
        Ok(Self { attention: MultiHeadAttention::new(vs, length / config.heads, config)?, length })
    }

    /// (batch, l) → (batch, l).
    ///
    /// # Errors
    /// `x` has another length.
    pub fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let batch = x.size().first().copied().unwrap_or(0);
        check::shape(LAYER, "vectors", x, &[batch, self.length])?;
        let heads = self.attention.config.heads;
        let tokens = x.f_reshape([batch, heads, self.length / heads]).map_err(torch(LAYER))?;
        let y = self.attention.forward(&tokens, None, train)?;
        y.f_reshape([batch, self.length]).map_err(torch(LAYER))
    }
}
