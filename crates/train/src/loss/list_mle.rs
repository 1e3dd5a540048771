//! ListMLE.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{
    LossFunction, RankedLists,
    function::{Torch, above_zero},
};
use crate::{Result, error::torch};

/// Likelihood of the true order under the Plackett–Luce model of the scores s = ŷ/T (Xia et al.,
/// "Listwise approach to learning to rank", ICML 2008; the temperature T is TensorFlow Ranking's, 10 in
/// TpuGraphs' models):
///
/// Σᵢ [ log Σ_{k: yₖ ≤ yᵢ} exp sₖ − sᵢ ], mean over lists.
///
/// Equal targets share one denominator (Breslow's rule for tied times), so that the order within a batch
/// does not matter. Without ties this is the published loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListMle {
    /// T > 0.
    pub temperature: f64,
}

impl Default for ListMle {
    fn default() -> Self {
        Self { temperature: 1.0 }
    }
}

impl LossFunction for ListMle {
    fn name(&self) -> &'static str {
        "list-mle"
    }

    fn formula(&self) -> &'static str {
        "Σᵢ [log Σ(k: yₖ ≤ yᵢ) exp sₖ − sᵢ], s = ŷ/T, T = `temperature`"
    }

    fn check(&self) -> Result<()> {
        above_zero(self.name(), "temperature", self.temperature)
    }

    fn ranks(&self) -> bool {
        true
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, lists: Option<&RankedLists>) -> Result<Tensor> {
        let lists = RankedLists::required(lists, self.name(), target)?;
        list_mle(prediction, target, lists, self.temperature).map_err(torch("loss"))
    }
}

fn list_mle(prediction: &Tensor, target: &Tensor, lists: &RankedLists, temperature: f64) -> Torch {
    // Smallest target first and the padding last, so that no sample follows a place without one.
    let (targets, order) = lists.pad(target, f64::INFINITY)?.f_sort(1, false)?;
    let scores = lists.pad(&prediction.f_div_scalar(temperature)?, 0.0)?.f_gather(1, &order, false)?;
    // Last place of each target among its equals.
    let none: Option<Tensor> = None;
    let last = targets.f_searchsorted(&targets, false, true, "right", none)?.f_sub_scalar(1)?;
    let denominators = scores.f_logcumsumexp(1)?.f_gather(1, &last, false)?;
    let kept = lists.mask().f_to_kind(scores.kind())?;
    denominators.f_sub(&scores)?.f_mul(&kept)?.f_sum(None)?.f_div_scalar(lists.lists() as f64)
}
