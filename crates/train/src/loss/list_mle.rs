//! ListMLE.

use tch::Tensor;

use super::{Segments, Torch};

pub(super) fn list_mle(prediction: &Tensor, target: &Tensor, lists: &Segments, temperature: f64) -> Torch {
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
