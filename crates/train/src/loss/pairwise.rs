//! What TPU's learned performance model minimises: pairs in the wrong order.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{
    LossFunction, RankedLists,
    function::{Torch, not_below_zero},
};
use crate::{Result, error::torch};

/// True where yᵢ > yⱼ in one list.
fn above(target: &Tensor, lists: &RankedLists) -> Torch {
    lists.differences(target)?.f_gt(0.0)?.f_logical_and(&lists.pairs()?)
}

/// Σ_{i,j: yᵢ > yⱼ} max(0, margin − (ŷᵢ − ŷⱼ)) / (m(m − 1)/2) for a list of m, mean over lists (Kaufman et al.,
/// "A learned performance model for tensor processing units", MLSys 2021, with margin 1; GST with 0.1).
/// A list of one counts 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PairwiseHinge {
    /// Difference that costs nothing, in the unit of the prediction.
    pub margin: f64,
}

impl Default for PairwiseHinge {
    fn default() -> Self {
        Self { margin: 1.0 }
    }
}

impl LossFunction for PairwiseHinge {
    fn name(&self) -> &'static str {
        "pairwise-hinge"
    }

    fn formula(&self) -> &'static str {
        "Σ(i,j: yᵢ > yⱼ) max(0, c − (ŷᵢ − ŷⱼ)) over the number of pairs, c = `margin`"
    }

    fn check(&self) -> Result<()> {
        not_below_zero(self.name(), "margin", self.margin)
    }

    fn ranks(&self) -> bool {
        true
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, lists: Option<&RankedLists>) -> Result<Tensor> {
        let lists = RankedLists::required(lists, self.name(), target)?;
        let run = || {
            let costs = lists.differences(prediction)?.f_neg()?.f_add_scalar(self.margin)?.f_relu()?;
            lists.mean_over_pairs(&costs, &above(target, lists)?)
        };
        run().map_err(torch("loss"))
    }
}

/// Σ_{i,j: yᵢ > yⱼ} log(1 + exp(ŷⱼ − ŷᵢ)) / (m(m − 1)/2) for a list of m, mean over lists (Kaufman et al., as for
/// [`PairwiseHinge`]). Pairs with equal targets and lists of one count 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairwiseLogistic {}

impl LossFunction for PairwiseLogistic {
    fn name(&self) -> &'static str {
        "pairwise-logistic"
    }

    fn formula(&self) -> &'static str {
        "Σ(i,j: yᵢ > yⱼ) log(1 + exp(ŷⱼ − ŷᵢ)) over the number of pairs"
    }

    fn ranks(&self) -> bool {
        true
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, lists: Option<&RankedLists>) -> Result<Tensor> {
        let lists = RankedLists::required(lists, self.name(), target)?;
        let run = || {
            let costs = lists.differences(prediction)?.f_neg()?.f_softplus()?;
            lists.mean_over_pairs(&costs, &above(target, lists)?)
        };
        run().map_err(torch("loss"))
    }
}
