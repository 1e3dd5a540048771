//! The C interface: what passes through it, and [`kernels!`], which spells each function once.

use tch::{TchError, Tensor};
use torch_sys::C_tensor;

/// What a kernel takes.
pub(crate) trait Argument {
    /// The same in C.
    type Raw;

    fn raw(&self) -> Self::Raw;
}

impl Argument for &Tensor {
    type Raw = *const C_tensor;

    fn raw(&self) -> Self::Raw {
        self.as_ptr()
    }
}

impl Argument for Option<&Tensor> {
    type Raw = *const C_tensor;

    fn raw(&self) -> Self::Raw {
        self.map_or(std::ptr::null(), Tensor::as_ptr)
    }
}

impl Argument for i64 {
    type Raw = Self;

    fn raw(&self) -> Self {
        *self
    }
}

impl Argument for f64 {
    type Raw = Self;

    fn raw(&self) -> Self {
        *self
    }
}

/// What a kernel gives.
pub(crate) trait Answer {
    /// The same in C.
    type Raw;

    /// # Safety
    /// `raw` is what a kernel has just returned on this thread, and nobody else owns it.
    #[cfg_attr(not(fused), allow(dead_code))]
    unsafe fn take(raw: Self::Raw) -> Self;

    /// The answer of a build without the kernels.
    #[cfg_attr(fused, allow(dead_code))]
    fn absent() -> Self;
}

impl Answer for bool {
    type Raw = Self;

    unsafe fn take(raw: Self) -> Self {
        raw
    }

    fn absent() -> Self {
        false
    }
}

impl Answer for Result<Tensor, TchError> {
    type Raw = *mut C_tensor;

    #[cfg(fused)]
    unsafe fn take(raw: Self::Raw) -> Self {
        unsafe extern "C" {
            fn tachograph_failure() -> *const std::ffi::c_char;
        }
        if raw.is_null() {
            // SAFETY: a string of this thread, valid until its next failure.
            let message = unsafe { std::ffi::CStr::from_ptr(tachograph_failure()) };
            return Err(TchError::Torch(message.to_string_lossy().into_owned()));
        }
        // SAFETY: a new tensor that the caller promises nobody else owns.
        Ok(unsafe { Tensor::from_ptr(raw) })
    }

    #[cfg(not(fused))]
    unsafe fn take(_: Self::Raw) -> Self {
        Self::absent()
    }

    fn absent() -> Self {
        Err(TchError::Torch("built without the fused kernels".into()))
    }
}

/// Declares functions of the C interface and, for each, the safe function in front of it: `fn name = symbol(…) -> …;`.
/// In a build without the kernels the safe functions answer [`Answer::absent`].
macro_rules! kernels {
    ($($(#[$doc:meta])* $vis:vis fn $name:ident = $symbol:ident($($arg:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[cfg(fused)]
        mod ffi {
            #[allow(unused_imports)]
            use super::*;

            unsafe extern "C" {
                $(pub fn $symbol($($arg: <$type as Argument>::Raw),*) -> <$answer as Answer>::Raw;)*
            }
        }
        $(
            $(#[$doc])*
            $vis fn $name($($arg: $type),*) -> $answer {
                // SAFETY: every pointer is a tensor that outlives the call, or null where the function allows it; what
                // comes back is new.
                #[cfg(fused)]
                let answer = unsafe { <$answer as Answer>::take(ffi::$symbol($(Argument::raw(&$arg)),*)) };
                #[cfg(not(fused))]
                let answer = {
                    $(let _ = $arg;)*
                    <$answer as Answer>::absent()
                };
                answer
            }
        )*
    };
}

pub(crate) use kernels;
