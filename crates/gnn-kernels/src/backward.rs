//! A backward pass that says when each gradient is whole.

use tch::{TchError, Tensor};

/// Computes gradients as `loss.f_backward()` does, and tells `ready` the position of each of `parameters` whose gradient
/// is whole, while those of the others are still being computed. One that has no part in the loss is not told of. On the
/// CPU `ready` is called on this thread, elsewhere on one of libtorch's, never on two at once.
///
/// A build without the kernels tells all of them at the end.
///
/// # Errors
/// libtorch refuses the backward pass.
pub fn backward(loss: &Tensor, parameters: &[Tensor], ready: &mut (dyn FnMut(usize) + Send)) -> Result<(), TchError> {
    #[cfg(not(fused))]
    {
        loss.f_backward()?;
        (0..parameters.len()).for_each(ready);
        Ok(())
    }
    #[cfg(fused)]
    native(loss, parameters, ready)
}

#[cfg(fused)]
fn native(loss: &Tensor, parameters: &[Tensor], ready: &mut (dyn FnMut(usize) + Send)) -> Result<(), TchError> {
    use std::ffi::c_void;

    use torch_sys::C_tensor;

    use crate::surface::Answer;

    type Context<'a> = &'a mut (dyn FnMut(usize) + Send);

    unsafe extern "C" {
        fn tachograph_backward(
            loss: *const C_tensor,
            parameters: *const *const C_tensor,
            count: i64,
            ready: extern "C" fn(*mut c_void, i64),
            context: *mut c_void,
        ) -> *mut C_tensor;
    }

    extern "C" fn told(context: *mut c_void, position: i64) {
        // SAFETY: `context` is the one below, alive and borrowed by nobody else while the backward pass runs.
        let ready = unsafe { &mut *context.cast::<Context<'_>>() };
        ready(position as usize);
    }

    let pointers: Vec<*const C_tensor> = parameters.iter().map(Tensor::as_ptr).collect();
    let mut context: Context<'_> = ready;
    let context = (&raw mut context).cast::<c_void>();
    // SAFETY: every pointer outlives the call, which removes what it has put at the parameters; the answer is new.
    let done = unsafe {
        let answer = tachograph_backward(loss.as_ptr(), pointers.as_ptr(), pointers.len() as i64, told, context);
        <Result<Tensor, TchError>>::take(answer)
    };
    done.map(drop)
}
