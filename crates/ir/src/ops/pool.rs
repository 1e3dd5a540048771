//! Pooling over windows: (N, C, …) → (N, C, …').

use super::{
    axes::{extents, product},
    spatial::Windows,
};
use crate::{Call, Class, DType, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Pool;

impl Operator for Pool {
    fn names(&self) -> &'static [&'static str] {
        &["AveragePool", "LpPool", "MaxPool", "MaxpoolWithMask"]
    }

    fn domain(&self, node: &Node) -> &'static str {
        if node.op.name() == "MaxpoolWithMask" { "com.microsoft" } else { "" }
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let (&[n, c, ref spatial @ ..], Some(kernel)) = (x, call.list("kernel_shape")) else {
            return Err(format!("input {x:?} needs a batch, channels and a kernel_shape").into());
        };
        let mut shape = vec![n, c];
        let windows = Windows::new(call, extents(kernel)?, spatial)?;
        shape.extend(windows.counts(spatial, call.int("ceil_mode", 0) != 0)?);
        let mut facts = vec![Fact::new(call.dtype(0)?, shape.clone())];
        if call.node.op.name() == "MaxPool" {
            facts.push(Fact::new(DType::I64, shape));
        }
        Ok(facts)
    }

    fn class(&self, _: &Node) -> Class {
        Class::Reduction
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Anchor
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let count = if node.op.name() == "MaxpoolWithMask" { 2 } else { 1 };
        [Role::Data, Role::Mask][..count].get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let kernel = extents(call.list("kernel_shape").unwrap_or_default())?;
        Ok(Work::flops(product(kernel.into_iter().chain([call.output_elements(0)?]))?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{Attr, DType, attrs};

    #[test]
    fn nine_operations_for_a_window_of_three() {
        let window = attrs([("kernel_shape", vec![3, 3].into()), ("strides", vec![2, 2].into())]);
        let (facts, work) = run("MaxPool", window, &[f32(&[1, 8, 7, 7])]).unwrap();
        assert_eq!((facts[0].clone(), facts[1].dtype), (f32(&[1, 8, 3, 3]), DType::I64));
        assert_eq!(work.flops, 9 * 72);
    }

    #[test]
    fn ceil_mode_ignores_windows_in_the_trailing_pad() {
        let pool = |pads: i64, n: u64| {
            let window = attrs([
                ("kernel_shape", vec![3].into()),
                ("strides", vec![2].into()),
                ("pads", vec![pads, pads].into()),
                ("ceil_mode", Attr::Int(1)),
            ]);
            shape("AveragePool", window, &[f32(&[1, 1, n])]).unwrap()[2]
        };
        assert_eq!(pool(0, 6), 3);
        assert_eq!(pool(1, 6), 4);
        let tight = attrs([
            ("kernel_shape", vec![1].into()),
            ("strides", vec![3].into()),
            ("pads", vec![0, 1].into()),
            ("ceil_mode", Attr::Int(1)),
        ]);
        assert_eq!(shape("MaxPool", tight, &[f32(&[1, 1, 4])]).unwrap(), [1, 1, 2]);
    }

    #[test]
    fn dilated_windows() {
        let window = attrs([("kernel_shape", vec![2, 2].into()), ("dilations", vec![3, 3].into())]);
        assert_eq!(shape("MaxPool", window, &[f32(&[1, 1, 8, 8])]).unwrap(), [1, 1, 5, 5]);
    }

    #[test]
    fn refuses_bad_kernels() {
        for kernel in [vec![0, 3], vec![-1, 3], vec![3], vec![9, 9]] {
            assert!(run("MaxPool", attrs([("kernel_shape", kernel.into())]), &[f32(&[1, 1, 8, 8])]).is_err());
        }
        assert!(run("MaxPool", attrs([]), &[f32(&[1, 1, 8, 8])]).is_err());
    }
}
