//! Dropout.

use tch::{Device, Kind, TchError, Tensor};

use crate::{Error, Result, error::torch};

/// Levels of a random 16-bit number.
const LEVELS: f64 = 65536.0;

/// Zeroes each number with probability `p` and divides the others by 1 − p (Srivastava et al., JMLR 2014).
///
/// On the CPU one 64-bit random number decides over four, which halves the time of libtorch's dropout; `p` is rounded
/// to a multiple of 2⁻¹⁶, for the division too, so that the expectation stays.
///
/// # Shapes
/// Any → the same.
///
/// # Errors
/// A probability outside [0, 1).
pub fn dropout(x: &Tensor, p: f64) -> Result<Tensor> {
    check(p)?;
    let dropped = if x.device() == Device::Cpu { drop(x, kept(x, p), p) } else { x.f_dropout(p, true) };
    dropped.map_err(torch("dropout"))
}

/// [`dropout`] of max(x, 0), in fewer passes over memory.
///
/// # Shapes
/// Any → the same.
///
/// # Errors
/// As [`dropout`].
pub fn relu_dropout(x: &Tensor, p: f64) -> Result<Tensor> {
    check(p)?;
    let dropped = if x.device() == Device::Cpu {
        drop(x, kept(x, p).and_then(|kept| kept.f_logical_and(&x.f_gt(0.0)?)), p)
    } else {
        x.f_relu().and_then(|x| x.f_dropout(p, true))
    };
    dropped.map_err(torch("dropout"))
}

fn check(p: f64) -> Result<()> {
    let message = format!("probability {p} outside [0, 1)");
    if (0.0..1.0).contains(&p) { Ok(()) } else { Err(Error::Shape { layer: "dropout", message }) }
}

fn level(p: f64) -> f64 {
    (p * LEVELS).round().min(LEVELS - 1.0)
}

/// True for each number of `x` that stays.
fn kept(x: &Tensor, p: f64) -> Result<Tensor, TchError> {
    let n = x.numel() as i64;
    let bits = Tensor::f_empty([(n + 3) / 4], (Kind::Int64, Device::Cpu))?.f_random_from_(i64::MIN, None)?;
    let bits = bits.f_view_dtype(Kind::Int16)?.f_narrow(0, 0, n)?.f_view(x.size().as_slice())?;
    bits.f_ge(level(p) as i64 - LEVELS as i64 / 2)
}

fn drop(x: &Tensor, kept: Result<Tensor, TchError>, p: f64) -> Result<Tensor, TchError> {
    let noise = kept?.f_to_kind(x.kind())?.f_mul_scalar_(LEVELS / (LEVELS - level(p)))?;
    x.f_mul(&noise)
}
