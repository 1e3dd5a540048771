//! Differences of networks instead of their times.

use tch::{Reduction::Mean, Tensor};

use super::{Segments, Torch};

/// Least share of the mean square of the targets that their variance counts as.
const FLOOR: f64 = 1e-6;

pub(super) fn differential(prediction: &Tensor, target: &Tensor, lists: &Segments, anchor: f64) -> Torch {
    let variance = target.f_var(false)?.f_maximum(&target.f_square()?.f_mean(None)?.f_mul_scalar(FLOOR)?)?;
    let errors = lists.differences(&prediction.f_sub(target)?)?.f_square()?;
    let pairs = lists.pairs()?.f_triu(1)?.f_to_kind(errors.kind())?;
    let sums = errors.f_mul(&pairs)?.f_sum_dim_intlist(&[1i64, 2][..], false, None)?;
    let differences = sums.f_div(&lists.pair_counts(errors.kind())?)?.f_mean(None)?;
    let absolute = prediction.f_mse_loss(target, Mean)?.f_mul_scalar(anchor)?;
    differences.f_add(&absolute)?.f_div(&variance)
}
