//! Layer normalisation.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor, nn};

use super::Affine;
use crate::{Adjacency, Result, check, error::torch};

const LAYER: &str = "layer norm";

/// What [`LayerNorm`] takes its statistics over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerNormMode {
    /// All channels of all nodes of a graph.
    #[default]
    Graph,
    /// The channels of each node.
    Node,
}

/// Settings of [`LayerNorm`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayerNormConfig {
    /// Added to the variance.
    pub eps: f64,
    /// What the statistics are over.
    pub mode: LayerNormMode,
}

impl Default for LayerNormConfig {
    fn default() -> Self {
        Self { eps: 1e-5, mode: LayerNormMode::Graph }
    }
}

/// Layer norm (Ba et al., 2016; `LayerNorm` of PyTorch Geometric on a batch), mean and variance over the channels
/// of each node or over all numbers of each graph:
///
/// x' = w · (x − mean) / √(var + ε) + b
///
/// Over graphs, a node's result depends on its whole graph, so the batch must not be compressed; over the
/// channels of a node any batch will do.
///
/// # Shapes
/// (nodes, width) → (nodes, width)
#[derive(Debug)]
pub struct LayerNorm {
    affine: Affine,
    width: i64,
    config: LayerNormConfig,
}

impl LayerNorm {
    /// Adds `weight` and `bias` under `vs`.
    ///
    /// # Errors
    /// libtorch cannot allocate them.
    pub fn new(vs: &nn::Path<'_>, width: i64, config: LayerNormConfig) -> Result<Self> {
        Ok(Self { affine: Affine::new(vs, width)?, width, config })
    }

    /// (nodes, width) → (nodes, width).
    ///
    /// # Errors
    /// `x` is not (nodes, width), or, over graphs, `members` does not hold every node exactly once.
    pub fn forward(&self, x: &Tensor, members: &Adjacency) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.width)?;
        let Affine { weight, bias } = &self.affine;
        if self.config.mode == LayerNormMode::Node {
            let y = x.f_layer_norm([self.width], Some(weight), Some(bias), self.config.eps, false);
            return y.map_err(torch(LAYER));
        }
        check::partition(LAYER, x, members)?;
        let mean = |x: &Tensor| -> Result<Tensor> {
            let rows = x.f_mean_dim([1i64].as_slice(), true, None::<Kind>).map_err(torch(LAYER))?;
            members.from_destinations(&members.mean(&rows)?)
        };
        let centred = x.f_sub(&mean(x)?).map_err(torch(LAYER))?;
        let variance = mean(&centred.f_square().map_err(torch(LAYER))?)?;
        let scale = variance.f_add_scalar(self.config.eps).and_then(|v| v.f_rsqrt());
        scale.and_then(|s| self.affine.apply(&centred.f_mul(&s)?)).map_err(torch(LAYER))
    }
}
