//! Losses of classification.

use tachograph_ir::{Call, OpError};
use tch::{Kind, Reduction};

use super::Kernel;

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    let softmax = match call.node.op.name() {
        "NegativeLogLikelihoodLoss" => false,
        "SoftmaxCrossEntropyLoss" => true,
        _ => return Ok(None),
    };
    let ignored = call.int("ignore_index", -100);
    let mode = call.text("reduction", "mean").to_owned();
    let classes = call.shape(0)?.get(1).copied().unwrap_or(1) as i64;
    Ok(Some(Box::new(move |x| {
        let reduction = match mode.as_str() {
            "none" => Reduction::None,
            "sum" => Reduction::Sum,
            _ => Reduction::Mean,
        };
        let scores = x.get(0)?;
        let logarithms = if softmax { scores.f_log_softmax(1, None)? } else { scores.shallow_clone() };
        // libtorch takes labels of one axis or, for images, of three.
        let size = logarithms.size();
        let flat = logarithms.f_reshape([size[0], classes, -1])?.f_transpose(1, 2)?.f_reshape([-1, classes])?;
        let labels = x.get(1)?.f_to_kind(Kind::Int64)?;
        let loss = flat.f_nll_loss(&labels.f_reshape([-1])?, x.optional(2), reduction, ignored)?;
        let loss = if mode == "none" { loss.f_reshape(labels.size())? } else { loss };
        Ok(vec![loss, logarithms])
    })))
}
