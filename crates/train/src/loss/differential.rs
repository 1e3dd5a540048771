//! Differences of networks instead of their times.

use serde::{Deserialize, Serialize};
use tch::{Reduction::Mean, Tensor};

use super::{
    LossFunction, RankedLists,
    function::{Torch, not_below_zero},
};
use crate::{Result, error::torch};

/// Least share of the mean square of the targets that their variance counts as: a batch of equal targets has none, and
/// would divide by 0.
const FLOOR: f64 = 1e-6;

/// Differences within a list, for a model that should tell what a change of a network costs (after Li et al.,
/// Journal of Beihang University 48(12), 2022; the form is ours), with a weak hold on the times themselves:
///
/// [mean over pairs i < j of ((ŷᵢ − ŷⱼ) − (yᵢ − yⱼ))² + anchor · mean((ŷ − y)²)] / σ², σ² the variance of the
/// batch's targets, at least 10⁻⁶ of their mean square
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Differential {
    /// Weight of the times themselves, not below 0.
    pub anchor: f64,
}

impl Default for Differential {
    fn default() -> Self {
        Self { anchor: 0.1 }
    }
}

impl LossFunction for Differential {
    fn name(&self) -> &'static str {
        "differential"
    }

    fn formula(&self) -> &'static str {
        "[mean over pairs ((ŷᵢ − ŷⱼ) − (yᵢ − yⱼ))² + a · mean (ŷ − y)²] / variance of y; a = `anchor`"
    }

    fn check(&self) -> Result<()> {
        not_below_zero(self.name(), "anchor", self.anchor)
    }

    fn ranks(&self) -> bool {
        true
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, lists: Option<&RankedLists>) -> Result<Tensor> {
        let lists = RankedLists::required(lists, self.name(), target)?;
        differential(prediction, target, lists, self.anchor).map_err(torch("loss"))
    }
}

fn differential(prediction: &Tensor, target: &Tensor, lists: &RankedLists, anchor: f64) -> Torch {
    let variance = target.f_var(false)?.f_maximum(&target.f_square()?.f_mean(None)?.f_mul_scalar(FLOOR)?)?;
    let errors = lists.differences(&prediction.f_sub(target)?)?.f_square()?;
    let differences = lists.mean_over_pairs(&errors, &lists.upper()?)?;
    let absolute = prediction.f_mse_loss(target, Mean)?.f_mul_scalar(anchor)?;
    differences.f_add(&absolute)?.f_div(&variance)
}
