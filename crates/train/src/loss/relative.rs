//! Errors relative to the target.

use tch::{Reduction::Mean, Tensor};

use super::Torch;

fn error(prediction: &Tensor, target: &Tensor) -> Torch {
    prediction.f_div(target)?.f_sub_scalar(1.0)
}

pub(super) fn squared(prediction: &Tensor, target: &Tensor) -> Torch {
    error(prediction, target)?.f_square()?.f_mean(None)
}

pub(super) fn absolute(prediction: &Tensor, target: &Tensor) -> Torch {
    error(prediction, target)?.f_abs()?.f_mean(None)
}

pub(super) fn log_squared(prediction: &Tensor, target: &Tensor) -> Torch {
    prediction.f_log()?.f_mse_loss(&target.f_log()?, Mean)
}

pub(super) fn log_huber(prediction: &Tensor, target: &Tensor, delta: f64) -> Torch {
    prediction.f_log()?.f_huber_loss(&target.f_log()?, Mean, delta)
}
