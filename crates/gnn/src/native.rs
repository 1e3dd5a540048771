//! The kernels of the folder `native`, on the CPU: segment operations in one pass over the edges where libtorch's own
//! make several (`segments.cpp`, f32 and f64), and matrix products on the matrix unit of processors that have one
//! (`gemm.cpp`, f32).

use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// Offsets, reads, and the transpose: its offsets, places of the edges, and reads. See `Pattern` in `segments.cpp`.
pub(crate) type Pattern<'a> = [Option<&'a Tensor>; 5];

/// True where the fused kernels serve `x`.
pub(crate) fn serves(x: &Tensor) -> bool {
    cfg!(fused) && x.device() == Device::Cpu && matches!(x.kind(), Kind::Float | Kind::Double)
}

#[cfg(fused)]
mod ffi {
    use std::ffi::c_char;

    use torch_sys::C_tensor;

    unsafe extern "C" {
        pub fn tachograph_failure() -> *const c_char;
        pub fn tachograph_sum(
            x: *const C_tensor,
            weights: *const C_tensor,
            pattern: *const *const C_tensor,
        ) -> *mut C_tensor;
        pub fn tachograph_extremum(
            x: *const C_tensor,
            counts: *const C_tensor,
            sign: f64,
            pattern: *const *const C_tensor,
        ) -> *mut C_tensor;
        pub fn tachograph_softmax_sum(
            x: *const C_tensor,
            counts: *const C_tensor,
            t: f64,
            pattern: *const *const C_tensor,
        ) -> *mut C_tensor;
        pub fn tachograph_softmax(
            logits: *const C_tensor,
            counts: *const C_tensor,
            offsets: *const C_tensor,
        ) -> *mut C_tensor;
        pub fn tachograph_matrix_unit() -> bool;
        pub fn tachograph_linear(x: *const C_tensor, weight: *const C_tensor, bias: *const C_tensor) -> *mut C_tensor;
        pub fn tachograph_inference() -> bool;
        pub fn tachograph_pack(weight: *const C_tensor) -> *mut C_tensor;
        pub fn tachograph_linear_packed(
            x: *const C_tensor,
            weight: *const C_tensor,
            outputs: i64,
            bias: *const C_tensor,
        ) -> *mut C_tensor;
        pub fn tachograph_add_linear_packed(
            y: *const C_tensor,
            x: *const C_tensor,
            weight: *const C_tensor,
        ) -> *mut C_tensor;
        pub fn tachograph_add_linear(y: *const C_tensor, x: *const C_tensor, weight: *const C_tensor) -> *mut C_tensor;
    }
}

/// Σ weights · x over the edges of each row.
#[cfg(fused)]
pub(crate) fn sum(x: &Tensor, weights: Option<&Tensor>, pattern: Pattern<'_>) -> Result<Tensor> {
    // SAFETY: every pointer is a tensor that outlives the call, or null where the function allows it.
    take("segment sum", unsafe { ffi::tachograph_sum(x.as_ptr(), raw(weights), raws(pattern).as_ptr()) })
}

/// The greatest of sign · x over the edges of each row.
#[cfg(fused)]
pub(crate) fn extremum(x: &Tensor, counts: Option<&Tensor>, sign: f64, pattern: Pattern<'_>) -> Result<Tensor> {
    // SAFETY: as in `sum`.
    take("segment extremum", unsafe { ffi::tachograph_extremum(x.as_ptr(), raw(counts), sign, raws(pattern).as_ptr()) })
}

/// Softmax-weighted sum over the edges of each row, channel by channel.
#[cfg(fused)]
pub(crate) fn softmax_sum(x: &Tensor, counts: Option<&Tensor>, t: f64, pattern: Pattern<'_>) -> Result<Tensor> {
    // SAFETY: as in `sum`.
    take("softmax sum", unsafe { ffi::tachograph_softmax_sum(x.as_ptr(), raw(counts), t, raws(pattern).as_ptr()) })
}

/// Softmax over the edges of each row.
#[cfg(fused)]
pub(crate) fn softmax(logits: &Tensor, counts: Option<&Tensor>, offsets: &Tensor) -> Result<Tensor> {
    // SAFETY: as in `sum`.
    take("segment softmax", unsafe { ffi::tachograph_softmax(logits.as_ptr(), raw(counts), offsets.as_ptr()) })
}

/// True where the matrix unit is there and serves products of `x` (m, in) and `weight` (out, in).
#[cfg(fused)]
pub(crate) fn multiplies(x: &Tensor, weight: &Tensor) -> bool {
    if !serves(x) || x.kind() != Kind::Float || weight.kind() != Kind::Float {
        return false;
    }
    let (&[m, inputs], &[outputs, width]) = (x.size().as_slice(), weight.size().as_slice()) else { return false };
    // SAFETY: no arguments.
    width == inputs && m >= 32 && inputs >= 32 && outputs >= 32 && unsafe { ffi::tachograph_matrix_unit() }
}

/// True where no gradient is recorded.
#[cfg(fused)]
pub(crate) fn inference() -> bool {
    // SAFETY: no arguments.
    unsafe { ffi::tachograph_inference() }
}

/// `weight` as [`linear_packed`] and [`add_linear_packed`] take it.
#[cfg(fused)]
pub(crate) fn pack(weight: &Tensor) -> Result<Tensor> {
    // SAFETY: as in `sum`.
    take("linear", unsafe { ffi::tachograph_pack(weight.as_ptr()) })
}

/// x · weightᵀ + bias for a packed weight with `outputs` rows; no gradient.
#[cfg(fused)]
pub(crate) fn linear_packed(x: &Tensor, packed: &Tensor, outputs: i64, bias: Option<&Tensor>) -> Result<Tensor> {
    // SAFETY: as in `sum`.
    take("linear", unsafe { ffi::tachograph_linear_packed(x.as_ptr(), packed.as_ptr(), outputs, raw(bias)) })
}

/// y + x · weightᵀ for a packed weight, in place of y, which is contiguous; no gradient.
#[cfg(fused)]
pub(crate) fn add_linear_packed(y: &Tensor, x: &Tensor, packed: &Tensor) -> Result<Tensor> {
    // SAFETY: as in `sum`.
    take("linear", unsafe { ffi::tachograph_add_linear_packed(y.as_ptr(), x.as_ptr(), packed.as_ptr()) })
}

/// x · weightᵀ + bias.
#[cfg(fused)]
pub(crate) fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    // SAFETY: as in `sum`.
    take("linear", unsafe { ffi::tachograph_linear(x.as_ptr(), weight.as_ptr(), raw(bias)) })
}

/// y + x · weightᵀ, in place of y, which is contiguous.
#[cfg(fused)]
pub(crate) fn add_linear(y: &Tensor, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    // SAFETY: as in `sum`.
    take("linear", unsafe { ffi::tachograph_add_linear(y.as_ptr(), x.as_ptr(), weight.as_ptr()) })
}

#[cfg(fused)]
fn raw(tensor: Option<&Tensor>) -> *const torch_sys::C_tensor {
    tensor.map_or(std::ptr::null(), Tensor::as_ptr)
}

#[cfg(fused)]
fn raws(pattern: Pattern<'_>) -> [*const torch_sys::C_tensor; 5] {
    pattern.map(raw)
}

#[cfg(fused)]
fn take(place: &'static str, tensor: *mut torch_sys::C_tensor) -> Result<Tensor> {
    if tensor.is_null() {
        // SAFETY: a string of this thread, valid until its next failure.
        let message = unsafe { std::ffi::CStr::from_ptr(ffi::tachograph_failure()) }.to_string_lossy().into_owned();
        return Err(Error::Torch { place, source: tch::TchError::Torch(message) });
    }
    // SAFETY: a new tensor that nobody else owns.
    Ok(unsafe { Tensor::from_ptr(tensor) })
}

#[cfg(not(fused))]
mod absent {
    use super::*;

    fn none(place: &'static str) -> Result<Tensor> {
        let source = tch::TchError::Torch("built without the fused kernels".into());
        Err(Error::Torch { place, source })
    }

    pub(crate) fn sum(_: &Tensor, _: Option<&Tensor>, _: Pattern<'_>) -> Result<Tensor> {
        none("segment sum")
    }

    pub(crate) fn extremum(_: &Tensor, _: Option<&Tensor>, _: f64, _: Pattern<'_>) -> Result<Tensor> {
        none("segment extremum")
    }

    pub(crate) fn softmax_sum(_: &Tensor, _: Option<&Tensor>, _: f64, _: Pattern<'_>) -> Result<Tensor> {
        none("softmax sum")
    }

    pub(crate) fn softmax(_: &Tensor, _: Option<&Tensor>, _: &Tensor) -> Result<Tensor> {
        none("segment softmax")
    }

    pub(crate) fn multiplies(_: &Tensor, _: &Tensor) -> bool {
        false
    }

    pub(crate) fn inference() -> bool {
        true
    }

    pub(crate) fn pack(_: &Tensor) -> Result<Tensor> {
        none("linear")
    }

    pub(crate) fn linear_packed(_: &Tensor, _: &Tensor, _: i64, _: Option<&Tensor>) -> Result<Tensor> {
        none("linear")
    }

    pub(crate) fn add_linear_packed(_: &Tensor, _: &Tensor, _: &Tensor) -> Result<Tensor> {
        none("linear")
    }

    pub(crate) fn linear(_: &Tensor, _: &Tensor, _: Option<&Tensor>) -> Result<Tensor> {
        none("linear")
    }

    pub(crate) fn add_linear(_: &Tensor, _: &Tensor, _: &Tensor) -> Result<Tensor> {
        none("linear")
    }
}
#[cfg(not(fused))]
pub(crate) use absent::*;
