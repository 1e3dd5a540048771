//! Losses over the pairs of a list.

use tch::Tensor;

use super::{Segments, Torch};

/// Sums (L, M, M) `costs` over the pairs in `chosen`, divides by the number of unordered pairs of the list, and
/// averages over lists.
fn mean(costs: &Tensor, chosen: &Tensor, lists: &Segments) -> Torch {
    let sums = costs.f_mul(&chosen.f_to_kind(costs.kind())?)?.f_sum_dim_intlist(&[1i64, 2][..], false, None)?;
    sums.f_div(&lists.pair_counts(costs.kind())?)?.f_mean(None)
}

/// True where yᵢ > yⱼ in one list.
fn above(target: &Tensor, lists: &Segments) -> Torch {
    lists.differences(target)?.f_gt(0.0)?.f_logical_and(&lists.pairs()?)
}

/// True where i < j in one list.
fn upper(lists: &Segments) -> Torch {
    lists.pairs()?.f_triu(1)
}

pub(super) fn hinge(prediction: &Tensor, target: &Tensor, lists: &Segments, margin: f64) -> Torch {
    let costs = lists.differences(prediction)?.f_neg()?.f_add_scalar(margin)?.f_relu()?;
    mean(&costs, &above(target, lists)?, lists)
}

pub(super) fn logistic(prediction: &Tensor, target: &Tensor, lists: &Segments) -> Torch {
    let costs = lists.differences(prediction)?.f_neg()?.f_softplus()?;
    mean(&costs, &above(target, lists)?, lists)
}

pub(super) fn rank_net(prediction: &Tensor, target: &Tensor, lists: &Segments) -> Torch {
    let d = lists.differences(prediction)?;
    // 1 − P̄ = (1 − sign(yᵢ − yⱼ))/2.
    let below = lists.differences(target)?.f_sign()?.f_neg()?.f_add_scalar(1.0)?.f_div_scalar(2.0)?;
    let costs = d.f_neg()?.f_softplus()?.f_add(&below.f_mul(&d)?)?;
    mean(&costs, &upper(lists)?, lists)
}

pub(super) fn diff_mat(prediction: &Tensor, target: &Tensor, lists: &Segments, margin: f64) -> Torch {
    let d = lists.differences(prediction)?;
    let costs = lists.differences(target)?.f_sign()?.f_mul(&d)?.f_neg()?.f_add_scalar(margin)?.f_relu()?;
    mean(&costs, &upper(lists)?, lists)
}
