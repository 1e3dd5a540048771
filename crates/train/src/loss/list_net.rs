//! ListNet.

use tch::Tensor;

use super::{Segments, Torch};

/// Stands for −∞ where there is no sample, without its NaN gradients.
const ABSENT: f64 = -1e30;

pub(super) fn list_net(prediction: &Tensor, target: &Tensor, lists: &Segments) -> Torch {
    let wanted = lists.pad(target, ABSENT)?.f_softmax(1, None)?;
    let log = lists.pad(prediction, ABSENT)?.f_log_softmax(1, None)?;
    let log = log.f_masked_fill(&lists.mask().f_logical_not()?, 0.0)?;
    wanted.f_mul(&log)?.f_sum(None)?.f_div_scalar(-lists.lists() as f64)
}
