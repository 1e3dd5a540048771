//! Graph normalisation.

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

use super::{Affine, per_graph};
use crate::{Adjacency, Result, check, error::torch};

const LAYER: &str = "graph norm";

/// Settings of [`GraphNorm`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GraphNormConfig {
    /// Added to the variance.
    pub eps: f64,
}

impl Default for GraphNormConfig {
    fn default() -> Self {
        Self { eps: 1e-5 }
    }
}

/// Instance norm that learns how much of the mean to take away (Cai et al., ICML 2021; `GraphNorm` of PyTorch
/// Geometric), over the nodes of each graph, channel by channel:
///
/// x' = w · (x − s·mean(x)) / √(mean((x − s·mean(x))²) + ε) + b
///
/// A node's result depends on its whole graph, so the batch must not be compressed.
///
/// For deep stacks on graphs of very different sizes. No model of this workspace uses it; it is one of PyTorch
/// Geometric's.
///
/// # Shapes
/// (nodes, width) → (nodes, width)
#[derive(Debug)]
pub struct GraphNorm {
    affine: Affine,
    mean_scale: Tensor,
    width: i64,
    config: GraphNormConfig,
}

impl GraphNorm {
    /// Adds `weight`, `bias` and `mean_scale` under `vs`.
    ///
    /// # Errors
    /// libtorch cannot allocate them.
    pub fn new(vs: &nn::Path<'_>, width: i64, config: GraphNormConfig) -> Result<Self> {
        let mean_scale = vs.f_ones("mean_scale", &[width]).map_err(torch(LAYER))?;
        Ok(Self { affine: Affine::new(vs, width)?, mean_scale, width, config })
    }

    /// (nodes, width) → (nodes, width).
    ///
    /// # Errors
    /// `x` is not (nodes, width), or `members` does not hold every node exactly once.
    pub fn forward(&self, x: &Tensor, members: &Adjacency) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.width)?;
        check::partition(LAYER, x, members)?;
        let y = per_graph(x, members, Some(&self.mean_scale), self.config.eps)?;
        self.affine.apply(&y).map_err(torch(LAYER))
    }
}
