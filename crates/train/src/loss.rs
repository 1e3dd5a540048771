//! Losses.

use serde::{Deserialize, Serialize};
use tch::{Reduction, Tensor};

use crate::{Result, error::torch};

/// What training minimises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// mean((ŷ/y − 1)²), NNLP's.
    #[default]
    RelativeSquared,
    /// mean |ŷ/y − 1|.
    RelativeAbsolute,
    /// mean((ln ŷ − ln y)²).
    LogSquared,
}

impl Loss {
    /// Shapes: (n), (n) → scalar. Targets must be positive.
    ///
    /// # Errors
    /// libtorch refuses the shapes.
    pub fn forward(self, prediction: &Tensor, target: &Tensor) -> Result<Tensor> {
        let loss = || match self {
            Self::RelativeSquared => prediction.f_div(target)?.f_sub_scalar(1.0)?.f_square()?.f_mean(None),
            Self::RelativeAbsolute => prediction.f_div(target)?.f_sub_scalar(1.0)?.f_abs()?.f_mean(None),
            Self::LogSquared => prediction.f_log()?.f_mse_loss(&target.f_log()?, Reduction::Mean),
        };
        loss().map_err(torch("loss"))
    }
}
