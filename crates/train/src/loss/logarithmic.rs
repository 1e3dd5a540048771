//! Errors of logarithms: a factor too much costs as much as a factor too little.

use serde::{Deserialize, Serialize};
use tch::{Reduction::Mean, Tensor};

use super::{LossFunction, RankedLists, Targets, function::above_zero};
use crate::{Result, error::torch};

/// mean((ln ŷ − ln y)²). Targets must be positive; the model must predict positive values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSquared {}

impl LossFunction for LogSquared {
    fn name(&self) -> &'static str {
        "log-squared"
    }

    fn formula(&self) -> &'static str {
        "mean (ln ŷ − ln y)²"
    }

    fn targets(&self) -> Targets {
        Targets::Positive
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, _: Option<&RankedLists>) -> Result<Tensor> {
        let run = || prediction.f_log()?.f_mse_loss(&target.f_log()?, Mean);
        run().map_err(torch("loss"))
    }
}

/// The Huber loss of ln ŷ − ln y. Targets must be positive; the model must predict positive values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogHuber {
    /// δ > 0: where the parabola becomes a line.
    pub delta: f64,
}

impl Default for LogHuber {
    fn default() -> Self {
        Self { delta: 1.0 }
    }
}

impl LossFunction for LogHuber {
    fn name(&self) -> &'static str {
        "log-huber"
    }

    fn formula(&self) -> &'static str {
        "`huber` of ln ŷ and ln y"
    }

    fn check(&self) -> Result<()> {
        above_zero(self.name(), "delta", self.delta)
    }

    fn targets(&self) -> Targets {
        Targets::Positive
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, _: Option<&RankedLists>) -> Result<Tensor> {
        let run = || prediction.f_log()?.f_huber_loss(&target.f_log()?, Mean, self.delta);
        run().map_err(torch("loss"))
    }
}
