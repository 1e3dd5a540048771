//! Graph isomorphism network.

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

use super::aggregate_first;
use crate::{LayerEdges, Linear, Result, check, error::torch};

const LAYER: &str = "GIN";

/// Settings of [`Gin`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GinConfig {
    /// ε, or where it starts.
    pub eps: f64,
    /// ε is learned.
    pub train_eps: bool,
    /// Width between the two linear layers; `None`: that of the output.
    pub hidden: Option<i64>,
}

/// Graph isomorphism network (Xu et al., ICLR 2019; `GINConv` of PyTorch Geometric with the MLP Linear, ReLU,
/// Linear):
///
/// x'ᵢ = W₂·ReLU(W₀·((1 + ε)·xᵢ + Σ_{j→i} xⱼ) + b₀) + b₂
///
/// # Shapes
/// (sources of the hop, in) → (destinations of the hop, out)
#[derive(Debug)]
pub struct Gin {
    first: Linear,
    second: Linear,
    learned: Option<Tensor>,
    eps: f64,
    inputs: i64,
    hidden: i64,
}

impl Gin {
    /// Adds `nn.0`, `nn.2` and, when learned, `eps` under `vs`, the names of PyTorch Geometric.
    ///
    /// # Errors
    /// libtorch cannot allocate them.
    pub fn new(vs: &nn::Path<'_>, inputs: i64, outputs: i64, config: GinConfig) -> Result<Self> {
        let hidden = config.hidden.unwrap_or(outputs);
        check::positive(LAYER, "hidden width", hidden)?;
        let eps = || vs.f_var("eps", &[1], nn::Init::Const(config.eps)).map_err(torch(LAYER));
        Ok(Self {
            first: Linear::new(&(vs / "nn" / 0), inputs, hidden, true)?,
            second: Linear::new(&(vs / "nn" / 2), hidden, outputs, true)?,
            learned: config.train_eps.then(eps).transpose()?,
            eps: config.eps,
            inputs,
            hidden,
        })
    }

    /// One round of messages.
    ///
    /// # Errors
    /// `x` is not (sources, in).
    pub fn forward(&self, x: &Tensor, hop: &LayerEdges) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.inputs)?;
        // The first linear layer commutes with the sum.
        let h = if aggregate_first(&hop.edges, x, self.inputs, self.hidden) {
            self.first.forward(&self.sum(x, hop)?)?
        } else {
            self.first.shift(self.sum(&self.first.project(x)?, hop)?)?
        };
        self.second.forward(&h.f_relu().map_err(torch(LAYER))?)
    }

    fn sum(&self, x: &Tensor, hop: &LayerEdges) -> Result<Tensor> {
        let (own, neighbours) = (hop.residual_rows(x)?, hop.edges.sum(x, None)?);
        let scaled = match &self.learned {
            Some(eps) => eps.f_add_scalar(1.0).and_then(|e| own.f_mul(&e)),
            None => own.f_mul_scalar(1.0 + self.eps),
        };
        scaled.and_then(|own| own.f_add(&neighbours)).map_err(torch(LAYER))
    }
}
