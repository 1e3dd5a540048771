//! Instance normalisation.

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

use super::{Affine, per_graph};
use crate::{Adjacency, Result, check, error::torch};

const LAYER: &str = "instance norm";

/// Settings of [`InstanceNorm`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InstanceNormConfig {
    /// Added to the variance.
    pub eps: f64,
    /// Learn a scale and a shift.
    pub affine: bool,
}

impl Default for InstanceNormConfig {
    fn default() -> Self {
        Self { eps: 1e-5, affine: false }
    }
}

/// Instance norm (Ulyanov et al., 2016; `InstanceNorm` of PyTorch Geometric without running statistics), over the
/// nodes of each graph, channel by channel:
///
/// x' = w · (x − mean(x)) / √(var(x) + ε) + b
///
/// A node's result depends on its whole graph, so the batch must not be compressed.
///
/// For deep stacks where the level of a graph's features says nothing. No model of this workspace uses it; it is one of
/// PyTorch Geometric's.
///
/// # Shapes
/// (nodes, width) → (nodes, width)
#[derive(Debug)]
pub struct InstanceNorm {
    affine: Option<Affine>,
    width: i64,
    config: InstanceNormConfig,
}

impl InstanceNorm {
    /// Adds `weight` and `bias` under `vs` if asked for.
    ///
    /// # Errors
    /// libtorch cannot allocate them.
    pub fn new(vs: &nn::Path<'_>, width: i64, config: InstanceNormConfig) -> Result<Self> {
        Ok(Self { affine: config.affine.then(|| Affine::new(vs, width)).transpose()?, width, config })
    }

    /// (nodes, width) → (nodes, width).
    ///
    /// # Errors
    /// `x` is not (nodes, width), or `members` does not hold every node exactly once.
    pub fn forward(&self, x: &Tensor, members: &Adjacency) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.width)?;
        check::partition(LAYER, x, members)?;
        let y = per_graph(x, members, None, self.config.eps)?;
        match &self.affine {
            Some(affine) => affine.apply(&y).map_err(torch(LAYER)),
            None => Ok(y),
        }
    }
}
