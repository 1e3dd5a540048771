//! First values of parameters.

use tch::{Tensor, nn};

use crate::{Result, error::torch};

/// Glorot and Bengio (AISTATS 2010): uniform in ±√(6 / (fan in + fan out)), the last two of `dims`.
pub(crate) fn glorot(vs: &nn::Path<'_>, name: &str, dims: &[i64]) -> Result<Tensor> {
    let fans: i64 = dims.iter().rev().take(2).sum();
    let up = (6.0 / fans.max(1) as f64).sqrt();
    vs.f_var(name, dims, nn::Init::Uniform { lo: -up, up }).map_err(torch("initial values"))
}

/// A vector of zeros, where asked for.
pub(crate) fn bias(vs: &nn::Path<'_>, wanted: bool, width: i64) -> Result<Option<Tensor>> {
    wanted.then(|| vs.f_zeros("bias", &[width])).transpose().map_err(torch("initial values"))
}
