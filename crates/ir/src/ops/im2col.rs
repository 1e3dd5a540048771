//! Windows of an image as columns: (N, C, image…) → (N, C·∏kernel, windows). PyTorch's and ncnn's `Unfold`.

use super::{
    axes::{extents, product},
    spatial::Windows,
};
use crate::{Call, Class, Fact, Node, OpError, Operator};

pub(super) struct Im2Col;

impl Operator for Im2Col {
    fn names(&self) -> &'static [&'static str] {
        &["Im2Col"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let (&[n, c, ref spatial @ ..], Some(kernel)) = (x, call.list("kernel_shape")) else {
            return Err(format!("{x:?} needs a batch, channels and a kernel_shape").into());
        };
        let windows = Windows::new(call, extents(kernel)?, spatial)?;
        let columns = product(windows.kernel.iter().copied().chain([c]))?;
        let count = product(windows.counts(spatial, false)?)?;
        Ok(vec![Fact::new(call.dtype(0)?, [n, columns, count])])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Work, attrs};

    #[test]
    fn windows_become_columns() {
        let kernel = attrs([("kernel_shape", vec![2, 3].into()), ("strides", vec![2, 1].into())]);
        let (facts, work) = run("Im2Col", kernel.clone(), &[f32(&[1, 5, 8, 9])]).unwrap();
        assert_eq!((facts[0].clone(), work), (f32(&[1, 30, 28]), Work::MOVE));
        assert!(run("Im2Col", kernel, &[f32(&[1, 5, 1, 9])]).is_err());
    }
}
