//! Pinball loss.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{LossFunction, RankedLists, function::Torch};
use crate::{
    Result,
    error::{setting, torch},
};

/// Pinball loss of several quantiles (Koenker and Bassett, "Regression quantiles", 1978), for predicted
/// intervals; predictions are (n, quantiles):
///
/// mean over samples and quantiles of max(τu, (τ − 1)u), u = y − ŷ_τ.
///
/// A config must name the quantiles: which columns a model has is no matter of taste.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantile {
    /// τ in (0, 1), rising; one column of the prediction each.
    pub quantiles: Vec<f64>,
}

impl Default for Quantile {
    /// The median and an interval of 80 %.
    fn default() -> Self {
        Self { quantiles: vec![0.1, 0.5, 0.9] }
    }
}

impl LossFunction for Quantile {
    fn name(&self) -> &'static str {
        "quantile"
    }

    fn formula(&self) -> &'static str {
        "mean max(τu, (τ − 1)u), u = y − ŷ_τ, a column for each τ of `quantiles`"
    }

    fn check(&self) -> Result<()> {
        let q = &self.quantiles;
        let inside = q.iter().all(|&t| t > 0.0 && t < 1.0);
        if q.is_empty() || !inside || !q.is_sorted_by(|a, b| a < b) {
            return Err(setting("loss.quantile.quantiles", format!("{q:?} do not rise within (0, 1)")));
        }
        Ok(())
    }

    fn columns(&self) -> Option<usize> {
        Some(self.quantiles.len())
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, _: Option<&RankedLists>) -> Result<Tensor> {
        pinball(prediction, target, &self.quantiles).map_err(torch("loss"))
    }
}

fn pinball(prediction: &Tensor, target: &Tensor, quantiles: &[f64]) -> Torch {
    let tau = Tensor::f_from_slice(quantiles)?.f_to_device(prediction.device())?.f_to_kind(prediction.kind())?;
    let under = target.f_unsqueeze(1)?.f_sub(prediction)?;
    let (low, high) = (under.f_mul(&tau)?, under.f_mul(&tau.f_sub_scalar(1.0)?)?);
    low.f_maximum(&high)?.f_mean(None)
}
