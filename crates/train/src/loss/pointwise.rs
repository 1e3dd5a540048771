//! Errors in the unit of the target.

use tch::{Reduction::Mean, Tensor};

use super::Torch;

pub(super) fn squared(prediction: &Tensor, target: &Tensor) -> Torch {
    prediction.f_mse_loss(target, Mean)
}

pub(super) fn absolute(prediction: &Tensor, target: &Tensor) -> Torch {
    prediction.f_l1_loss(target, Mean)
}

pub(super) fn huber(prediction: &Tensor, target: &Tensor, delta: f64) -> Torch {
    prediction.f_huber_loss(target, Mean, delta)
}
