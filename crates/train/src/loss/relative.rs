//! Errors relative to the target.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{LossFunction, RankedLists, Targets, function::Torch};
use crate::{Result, error::torch};

/// ŷ/y − 1.
fn error(prediction: &Tensor, target: &Tensor) -> Torch {
    prediction.f_div(target)?.f_sub_scalar(1.0)
}

/// mean((ŷ/y − 1)²), NNLP's (Liu et al., ICPP 2022). Targets must not be 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelativeSquared {}

impl LossFunction for RelativeSquared {
    fn name(&self) -> &'static str {
        "relative-squared"
    }

    fn formula(&self) -> &'static str {
        "mean (ŷ/y − 1)²"
    }

    fn targets(&self) -> Targets {
        Targets::NotZero
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, _: Option<&RankedLists>) -> Result<Tensor> {
        let errors = error(prediction, target).and_then(|e| e.f_square());
        errors.and_then(|e| e.f_mean(None)).map_err(torch("loss"))
    }
}

/// mean |ŷ/y − 1|, the mean absolute percentage error as a fraction. Targets must not be 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelativeAbsolute {}

impl LossFunction for RelativeAbsolute {
    fn name(&self) -> &'static str {
        "relative-absolute"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["mape"]
    }

    fn formula(&self) -> &'static str {
        "mean abs(ŷ/y − 1)"
    }

    fn targets(&self) -> Targets {
        Targets::NotZero
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, _: Option<&RankedLists>) -> Result<Tensor> {
        let errors = error(prediction, target).and_then(|e| e.f_abs());
        errors.and_then(|e| e.f_mean(None)).map_err(torch("loss"))
    }
}
