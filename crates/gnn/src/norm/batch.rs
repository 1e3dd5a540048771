//! Batch normalisation.

use serde::{Deserialize, Serialize};
use tch::{Tensor, nn};

use super::Affine;
use crate::{Result, check, error::torch};

const LAYER: &str = "batch norm";

/// Settings of [`BatchNorm`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchNormConfig {
    /// Added to the variance.
    pub eps: f64,
    /// Share of the newest batch in the running statistics.
    pub momentum: f64,
}

impl Default for BatchNormConfig {
    fn default() -> Self {
        Self { eps: 1e-5, momentum: 0.1 }
    }
}

/// Batch norm (Ioffe and Szegedy, ICML 2015; `BatchNorm` of PyTorch Geometric), over all nodes of the batch,
/// channel by channel:
///
/// x' = w · (x − mean) / √(var + ε) + b
///
/// In training, mean and variance are those of the batch, and running ones are kept for inference. A compressed
/// batch has the statistics of its classes, not of its nodes: train uncompressed.
///
/// # Shapes
/// (nodes, width) → (nodes, width)
#[derive(Debug)]
pub struct BatchNorm {
    affine: Affine,
    mean: Tensor,
    variance: Tensor,
    width: i64,
    config: BatchNormConfig,
}

impl BatchNorm {
    /// Adds `module.weight`, `module.bias`, `module.running_mean` and `module.running_var` under `vs`, the names
    /// of PyTorch Geometric.
    ///
    /// # Errors
    /// libtorch cannot allocate them.
    pub fn new(vs: &nn::Path<'_>, width: i64, config: BatchNormConfig) -> Result<Self> {
        let vs = vs / "module";
        Ok(Self {
            affine: Affine::new(&vs, width)?,
            mean: vs.f_zeros_no_train("running_mean", &[width]).map_err(torch(LAYER))?,
            variance: vs.f_ones_no_train("running_var", &[width]).map_err(torch(LAYER))?,
            width,
            config,
        })
    }

    /// (nodes, width) → (nodes, width).
    ///
    /// # Errors
    /// `x` is not (nodes, width).
    pub fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        check::width(LAYER, "input", x, self.width)?;
        if x.numel() == 0 {
            return Ok(x.shallow_clone());
        }
        let (Affine { weight, bias }, BatchNormConfig { eps, momentum }) = (&self.affine, self.config);
        let (mean, variance) = (Some(&self.mean), Some(&self.variance));
        x.f_batch_norm(Some(weight), Some(bias), mean, variance, train, momentum, eps, false).map_err(torch(LAYER))
    }
}
