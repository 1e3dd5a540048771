//! Graph isomorphism network.

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

use super::{Context, Conv, ConvConfig, parts::aggregate_first};
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

impl ConvConfig for GinConfig {
    const KIND: &'static str = "gin";

    type Layer = Gin;

    fn layer(&self, vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Result<Gin> {
        Gin::new(vs, inputs, outputs, *self)
    }

    fn variants(_: i64) -> Vec<Self> {
        vec![Self::default(), Self { eps: 0.3, train_eps: true, hidden: Some(5) }]
    }
}

/// Graph isomorphism network (Xu et al., ICLR 2019; `GINConv` of PyTorch Geometric with the MLP Linear, ReLU,
/// Linear):
///
/// x'ᵢ = W₂·ReLU(W₀·((1 + ε)·xᵢ + Σ_{j→i} xⱼ) + b₀) + b₂
///
/// # Shapes
/// (sources, in) → (destinations, out)
#[derive(Debug)]
pub struct Gin {
    first: Linear,
    second: Linear,
    learned: Option<Tensor>,
    eps: f64,
    inputs: i64,
    hidden: i64,
    outputs: i64,
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
            outputs,
        })
    }

    fn sum(&self, x: &Tensor, edges: &LayerEdges) -> Result<Tensor> {
        let (own, neighbours) = (edges.residual_rows(x)?, edges.edges.sum(x, None)?);
        let scaled = match &self.learned {
            Some(eps) => eps.f_add_scalar(1.0).and_then(|e| own.f_mul(&e)),
            None => own.f_mul_scalar(1.0 + self.eps),
        };
        scaled.and_then(|own| own.f_add(&neighbours)).map_err(torch(LAYER))
    }
}

impl Conv for Gin {
    fn width(&self) -> i64 {
        self.outputs
    }

    fn forward(&self, x: &Tensor, edges: &LayerEdges, _: &Context<'_>) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.inputs)?;
        // The first linear layer commutes with the sum.
        let h = if aggregate_first(&edges.edges, x, self.inputs, self.hidden) {
            self.first.forward(&self.sum(x, edges)?)?
        } else {
            self.first.shift(self.sum(&self.first.project(x)?, edges)?)?
        };
        self.second.forward(&h.f_relu().map_err(torch(LAYER))?)
    }
}
