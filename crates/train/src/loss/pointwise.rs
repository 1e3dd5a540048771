//! Errors in the unit of the target.

use serde::{Deserialize, Serialize};
use tch::{Reduction::Mean, Tensor};

use super::{LossFunction, RankedLists, function::above_zero};
use crate::{Result, error::torch};

/// mean((ŷ − y)²), the mean squared error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Squared {}

impl LossFunction for Squared {
    fn name(&self) -> &'static str {
        "squared"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["mse"]
    }

    fn formula(&self) -> &'static str {
        "mean (ŷ − y)²"
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, _: Option<&RankedLists>) -> Result<Tensor> {
        prediction.f_mse_loss(target, Mean).map_err(torch("loss"))
    }
}

/// mean |ŷ − y|, the mean absolute error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absolute {}

impl LossFunction for Absolute {
    fn name(&self) -> &'static str {
        "absolute"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["mae"]
    }

    fn formula(&self) -> &'static str {
        "mean abs(ŷ − y)"
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, _: Option<&RankedLists>) -> Result<Tensor> {
        prediction.f_l1_loss(target, Mean).map_err(torch("loss"))
    }
}

/// mean of ½d² where |d| ≤ δ and δ(|d| − ½δ) elsewhere, d = ŷ − y (Huber, 1964; `torch.nn.HuberLoss`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Huber {
    /// δ > 0: where the parabola becomes a line, in the unit of the target.
    pub delta: f64,
}

impl Default for Huber {
    fn default() -> Self {
        Self { delta: 1.0 }
    }
}

impl LossFunction for Huber {
    fn name(&self) -> &'static str {
        "huber"
    }

    fn formula(&self) -> &'static str {
        "mean of ½d² up to abs(d) = δ, then δ·(abs(d) − ½δ); d = ŷ − y, δ = `delta`"
    }

    fn check(&self) -> Result<()> {
        above_zero(self.name(), "delta", self.delta)
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, _: Option<&RankedLists>) -> Result<Tensor> {
        prediction.f_huber_loss(target, Mean, self.delta).map_err(torch("loss"))
    }
}
