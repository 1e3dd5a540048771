//! Linear layers with an activation between them.

use tachograph_gnn::{GraphBatch, Linear, relu_dropout, torch};
use tch::{Tensor, nn};

use crate::{
    Result,
    heads::{columns, select},
};

/// ReLU, and dropout in training.
pub(crate) fn activate(x: &Tensor, dropout: f64, train: bool) -> Result<Tensor> {
    if train && dropout > 0.0 {
        return Ok(relu_dropout(x, dropout)?);
    }
    Ok(x.f_relu().map_err(torch("ReLU"))?)
}

/// Linear layers named 0, 1, …; ReLU between them, none after the last.
#[derive(Debug)]
pub(crate) struct Mlp {
    layers: Vec<Linear>,
    dropout: f64,
}

impl Mlp {
    /// From `inputs` by way of `hidden` to one number.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, hidden: &[i64], dropout: f64) -> Result<Self> {
        let widths: Vec<i64> = [inputs].iter().chain(hidden).chain(&[1]).copied().collect();
        let layer = |(l, w): (usize, &[i64])| Linear::new(&(vs / l), w[0], w[1], true);
        Ok(Self { layers: widths.windows(2).enumerate().map(layer).collect::<Result<_, _>>()?, dropout })
    }

    /// One under `heads.d` of `vs` for each of `outputs` outputs.
    pub fn heads(vs: &nn::Path<'_>, inputs: i64, hidden: &[i64], dropout: f64, outputs: usize) -> Result<Vec<Self>> {
        (0..outputs).map(|d| Self::new(&(vs / "heads" / d), inputs, hidden, dropout)).collect()
    }

    /// (n, inputs) → (n, 1)
    pub fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let mut y = x.shallow_clone();
        for (l, layer) in self.layers.iter().enumerate() {
            y = layer.forward(&if l == 0 { y } else { activate(&y, self.dropout, train)? })?;
        }
        Ok(y)
    }
}

/// What the heads at `indices` make of `x`: (n, inputs) → (n, heads).
pub(crate) fn read(heads: &[Mlp], indices: &[usize], x: &Tensor, train: bool) -> Result<Tensor> {
    let chosen = select(heads, indices)?;
    columns(chosen.into_iter().map(|head| head.forward(x, train)).collect::<Result<_>>()?)
}

/// Edge features of graphs without edges of their own, which carry none: zeros (edges, width).
pub(crate) fn blank(batch: &GraphBatch, edges: i64, width: i64) -> Result<Tensor> {
    let (kind, device) = (batch.nodes.kind(), batch.nodes.device());
    Ok(Tensor::f_zeros([edges, width], (kind, device)).map_err(torch("edge features"))?)
}
