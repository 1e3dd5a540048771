//! Convolution: (N, C, …) with weight (M, C/group, k…) → (N, M, …).

use super::spatial::Windows;
use crate::{Call, Fact, OpError, Operator, Work};

pub(super) struct Conv;

impl Operator for Conv {
    fn names(&self) -> &'static [&'static str] {
        &["Conv"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, w) = (call.shape(0)?, call.shape(1)?);
        let group = call.int("group", 1).max(1) as u64;
        if x.len() < 3 || w.len() != x.len() || w[1].checked_mul(group) != Some(x[1]) || w[0] % group != 0 {
            return Err(format!("input {x:?} does not fit weight {w:?} with {group} groups").into());
        }
        if let Some(bias) = call.optional(2).and_then(|f| f.shape.as_deref())
            && bias != [w[0]]
        {
            return Err(format!("bias {bias:?} does not fit weight {w:?}").into());
        }
        let windows = Windows::new(call, w[2..].to_vec(), &x[2..])?;
        let mut shape = vec![x[0], w[0]];
        for (a, &n) in x[2..].iter().enumerate() {
            shape.push(windows.count(a, n, false)?);
        }
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let per_output = call.shape(1)?[1..].iter().try_fold(1u64, |n, &d| n.checked_mul(d));
        let outputs = call.output_elements(0)?;
        let mut work = Work::macs(per_output.and_then(|n| n.checked_mul(outputs)))?;
        if call.optional(2).is_some() {
            work.flops = work.flops.saturating_add(outputs);
        }
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{run, shape};
    use crate::{Attr, DType, Fact, attrs};

    fn f32(shape: &[u64]) -> Fact {
        Fact::new(DType::F32, shape)
    }

    #[test]
    fn resnet_stem() {
        let attrs = attrs([("strides", vec![2, 2].into()), ("pads", vec![3, 3, 3, 3].into())]);
        let (facts, work) = run("Conv", attrs, &[f32(&[1, 3, 224, 224]), f32(&[64, 3, 7, 7])]).unwrap();
        assert_eq!(facts[0].shape.as_deref(), Some(&[1, 64, 112, 112][..]));
        assert_eq!(work.macs, 118_013_952);
    }

    #[test]
    fn same_padding_and_groups() {
        let same = attrs([("auto_pad", "SAME_UPPER".into()), ("group", Attr::Int(8)), ("strides", vec![2, 2].into())]);
        assert_eq!(shape("Conv", same, &[f32(&[2, 8, 7, 7]), f32(&[8, 1, 3, 3])]).unwrap(), [2, 8, 4, 4]);
    }

    #[test]
    fn refuses_wrong_channels_with_both_shapes() {
        let error = shape("Conv", attrs([]), &[f32(&[1, 3, 8, 8]), f32(&[4, 5, 3, 3])]).unwrap_err();
        assert!(format!("{error:?}").contains("[1, 3, 8, 8]"), "{error:?}");
    }
}
