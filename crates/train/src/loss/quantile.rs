//! Pinball loss.

use tch::Tensor;

use super::Torch;

pub(super) fn pinball(prediction: &Tensor, target: &Tensor, quantiles: &[f64]) -> Torch {
    let tau = Tensor::f_from_slice(quantiles)?.f_to_device(prediction.device())?.f_to_kind(prediction.kind())?;
    let under = target.f_unsqueeze(1)?.f_sub(prediction)?;
    let (low, high) = (under.f_mul(&tau)?, under.f_mul(&tau.f_sub_scalar(1.0)?)?);
    low.f_maximum(&high)?.f_mean(None)
}
