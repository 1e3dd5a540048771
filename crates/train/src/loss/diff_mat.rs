//! The margin ranking loss on a matrix of differences.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{
    LossFunction, RankedLists,
    function::{Torch, not_below_zero},
};
use crate::{Result, error::torch};

/// mean over pairs i < j of max(0, margin − sign(yᵢ − yⱼ)(ŷᵢ − ŷⱼ)), mean over lists: the margin ranking loss on
/// the upper triangle of the matrix of differences (the 2nd place of Kaggle's "Google – Fast or Slow?",
/// `Obs01ete/kaggle_latenciaga`). Equal targets add the constant margin; a list of one counts 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiffMat {
    /// Difference that costs nothing, in the unit of the prediction.
    pub margin: f64,
}

impl Default for DiffMat {
    fn default() -> Self {
        Self { margin: 0.01 }
    }
}

impl LossFunction for DiffMat {
    fn name(&self) -> &'static str {
        "diff-mat"
    }

    fn formula(&self) -> &'static str {
        "mean over pairs max(0, c − sign(yᵢ − yⱼ)(ŷᵢ − ŷⱼ)), c = `margin`"
    }

    fn check(&self) -> Result<()> {
        not_below_zero(self.name(), "margin", self.margin)
    }

    fn ranks(&self) -> bool {
        true
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, lists: Option<&RankedLists>) -> Result<Tensor> {
        let lists = RankedLists::required(lists, self.name(), target)?;
        diff_mat(prediction, target, lists, self.margin).map_err(torch("loss"))
    }
}

fn diff_mat(prediction: &Tensor, target: &Tensor, lists: &RankedLists, margin: f64) -> Torch {
    let d = lists.differences(prediction)?;
    let costs = lists.differences(target)?.f_sign()?.f_mul(&d)?.f_neg()?.f_add_scalar(margin)?.f_relu()?;
    lists.mean_over_pairs(&costs, &lists.upper()?)
}
