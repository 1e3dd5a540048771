//! Attention and feed-forward layers of the transformers, in the forms that exporters write.

use tachograph_import::nas::layers::{Net, axis};
use tachograph_ir::{Attr, Result, TensorId, attrs};

use super::draw::Draw;

/// How query, key and value are projected.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Projection {
    /// Three linear layers.
    #[default]
    Separate,
    /// One linear layer, then Split.
    Split,
    /// One linear layer, reshaped to (N, S, 3, heads, d), then Gather; the query is scaled, not the scores.
    Unbind,
}

/// Activation of the feed-forward layer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Gelu {
    /// One Gelu node.
    #[default]
    Node,
    /// x · (1 + erf(x / √2)) / 2 as five nodes.
    Erf,
    /// One Gelu node, tanh approximation.
    TanhNode,
    /// x · (1 + tanh(√(2/π) · (x + 0.044715 x³))) / 2 as eight nodes.
    Tanh,
}

/// A stack of transformer layers on (N, S, hidden).
#[derive(Clone, Copy, Debug)]
pub(super) struct Transformer {
    pub layers: u64,
    pub hidden: u64,
    pub heads: u64,
    pub mlp: u64,
    /// Normalise before each part (ViT, GPT-2) rather than after its residual (BERT).
    pub pre_norm: bool,
    pub projection: Projection,
    pub gelu: Gelu,
    /// Linear layers as Reshape, Gemm, Reshape rather than as MatMul, Add.
    pub gemm: bool,
}

impl Transformer {
    /// Random widths and depth; the form of the layers is left to the caller.
    pub fn sample(draw: &mut Draw) -> Self {
        let heads = draw.between(1..=12);
        let hidden = heads * draw.pick(&[32, 32, 64, 64, 64, 48]);
        Self {
            layers: draw.between(1..=12),
            hidden,
            heads,
            mlp: hidden * draw.pick(&[2, 3, 4, 4, 4, 4]),
            pre_norm: true,
            projection: Projection::Split,
            gelu: if draw.chance(0.5) { Gelu::Node } else { Gelu::Erf },
            gemm: false,
        }
    }

    /// All layers; `mask` is added to the attention scores (N, heads, S, S).
    pub fn build(&self, net: &mut Net, mut x: TensorId, mask: Option<TensorId>) -> Result<TensorId> {
        for _ in 0..self.layers {
            x = self.residual(net, x, |net, x| self.attention(net, x, mask))?;
            x = self.residual(net, x, |net, x| self.feed_forward(net, x))?;
        }
        Ok(x)
    }

    fn residual(
        &self,
        net: &mut Net,
        x: TensorId,
        part: impl Fn(&mut Net, TensorId) -> Result<TensorId>,
    ) -> Result<TensorId> {
        let input = if self.pre_norm { net.b.layer_norm(x)? } else { x };
        let y = part(net, input)?;
        let y = net.b.op("Add", &[x, y])?;
        if self.pre_norm { Ok(y) } else { net.b.layer_norm(y) }
    }

    fn linear(&self, net: &mut Net, x: TensorId, out: u64) -> Result<TensorId> {
        if !self.gemm {
            return net.b.linear(x, out);
        }
        let (sequence, features) = (net.extent(x, 1), net.extent(x, 2));
        let rows = reshape(net, x, &[-1, features as i64])?;
        let y = net.b.gemm(rows, out)?;
        reshape(net, y, &[-1, sequence as i64, out as i64])
    }

    fn attention(&self, net: &mut Net, x: TensorId, mask: Option<TensorId>) -> Result<TensorId> {
        let size = self.hidden as f64 / self.heads as f64;
        let [query, key, value] = self.project(net, x)?;
        let mut scores = net.b.op("MatMul", &[query, key])?;
        if !matches!(self.projection, Projection::Unbind) {
            let root = net.b.scalar(size.sqrt());
            scores = net.b.op("Div", &[scores, root])?;
        }
        if let Some(mask) = mask {
            scores = net.b.op("Add", &[scores, mask])?;
        }
        let weights = net.b.op_with("Softmax", &[scores], axis(-1))?;
        let y = net.b.op("MatMul", &[weights, value])?;
        let y = transpose(net, y, &[0, 2, 1, 3])?;
        let y = reshape(net, y, &[0, 0, self.hidden as i64])?;
        self.linear(net, y, self.hidden)
    }

    /// Query and value (N, heads, S, d), key (N, heads, d, S).
    fn project(&self, net: &mut Net, x: TensorId) -> Result<[TensorId; 3]> {
        let (hidden, heads, size) = (self.hidden, self.heads as i64, (self.hidden / self.heads.max(1)) as i64);
        let parts = match self.projection {
            Projection::Separate => {
                [self.linear(net, x, hidden)?, self.linear(net, x, hidden)?, self.linear(net, x, hidden)?]
            }
            Projection::Split => {
                let y = self.linear(net, x, 3 * hidden)?;
                let sizes = net.b.ints(&[hidden as i64; 3]);
                let parts = net.b.node("Split", &[Some(y), Some(sizes)], axis(-1), 3)?;
                [parts[0], parts[1], parts[2]]
            }
            Projection::Unbind => {
                let y = self.linear(net, x, 3 * hidden)?;
                let y = reshape(net, y, &[0, 0, 3, heads, size])?;
                let y = transpose(net, y, &[2, 0, 3, 1, 4])?;
                let mut part = |i| {
                    let index = net.index(i);
                    net.b.op_with("Gather", &[y, index], axis(0))
                };
                let [query, key, value] = [part(0)?, part(1)?, part(2)?];
                let scale = net.b.scalar((size as f64).powf(-0.5));
                let query = net.b.op("Mul", &[query, scale])?;
                return Ok([query, transpose(net, key, &[0, 1, 3, 2])?, value]);
            }
        };
        let mut head = |x, order: &[i64]| {
            let y = reshape(net, x, &[0, 0, heads, size])?;
            transpose(net, y, order)
        };
        Ok([head(parts[0], &[0, 2, 1, 3])?, head(parts[1], &[0, 2, 3, 1])?, head(parts[2], &[0, 2, 1, 3])?])
    }

    fn feed_forward(&self, net: &mut Net, x: TensorId) -> Result<TensorId> {
        let y = self.linear(net, x, self.mlp)?;
        let y = gelu(net, y, self.gelu)?;
        self.linear(net, y, self.hidden)
    }
}

fn gelu(net: &mut Net, x: TensorId, form: Gelu) -> Result<TensorId> {
    let scaled = |net: &mut Net, op: &str, x: TensorId, value: f64| {
        let value = net.b.scalar(value);
        net.b.op(op, &[x, value])
    };
    match form {
        Gelu::Node => net.b.op("Gelu", &[x]),
        Gelu::TanhNode => net.b.op_with("Gelu", &[x], attrs([("approximate", "tanh".into())])),
        Gelu::Erf => {
            let y = scaled(net, "Div", x, std::f64::consts::SQRT_2)?;
            let y = net.b.op("Erf", &[y])?;
            let y = scaled(net, "Add", y, 1.0)?;
            let y = net.b.op("Mul", &[x, y])?;
            scaled(net, "Mul", y, 0.5)
        }
        Gelu::Tanh => {
            let y = scaled(net, "Pow", x, 3.0)?;
            let y = scaled(net, "Mul", y, 0.044715)?;
            let y = net.b.op("Add", &[x, y])?;
            let y = scaled(net, "Mul", y, (2.0 / std::f64::consts::PI).sqrt())?;
            let y = net.b.op("Tanh", &[y])?;
            let y = scaled(net, "Add", y, 1.0)?;
            let half = scaled(net, "Mul", x, 0.5)?;
            net.b.op("Mul", &[half, y])
        }
    }
}

/// Reshape; 0 keeps an extent, −1 is inferred.
pub(super) fn reshape(net: &mut Net, x: TensorId, shape: &[i64]) -> Result<TensorId> {
    let shape = net.b.ints(shape);
    net.b.op("Reshape", &[x, shape])
}

/// Transpose.
pub(super) fn transpose(net: &mut Net, x: TensorId, order: &[i64]) -> Result<TensorId> {
    net.b.op_with("Transpose", &[x], attrs([("perm", Attr::Ints(order.to_vec()))]))
}

/// Rows of a new table (`rows`, `hidden`): (N, S) → (N, S, `hidden`).
pub(super) fn embed(net: &mut Net, ids: TensorId, rows: u64, hidden: u64) -> Result<TensorId> {
    let table = net.b.parameter(&[rows, hidden]);
    net.b.op_with("Gather", &[table, ids], axis(0))
}

/// The first token: (N, S, hidden) → (N, hidden).
pub(super) fn first_token(net: &mut Net, x: TensorId) -> Result<TensorId> {
    let index = net.index(0);
    net.b.op_with("Gather", &[x, index], axis(1))
}
