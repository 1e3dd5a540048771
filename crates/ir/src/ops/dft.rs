//! Discrete Fourier transforms: along an axis, (…, n, …, 1 or 2) → (…, n, …, 2), or of overlapping frames of a signal.
//!
//! Arithmetic: 5 n ⌈log₂ n⌉ for each transform of length n, as fast transforms are counted, and one product per sample
//! of a windowed frame.

use super::axes::{self, extents, product};
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Dft;

/// A known positive number in operand `i`; the default where there is none.
fn positive(call: &Call<'_>, i: usize, default: Option<u64>) -> Result<u64, OpError> {
    let n = match call.optional(i) {
        Some(_) => extents(call.ints(i)?)?.first().copied().ok_or(OpError::Unknown)?,
        None => default.ok_or_else(|| format!("operand {i} is missing"))?,
    };
    if n == 0 { Err(format!("operand {i} is 0").into()) } else { Ok(n) }
}

/// Operations of a transform of this length.
fn transform(n: u64) -> Result<u64, OpError> {
    // The number of binary digits of n - 1 is ⌈log₂ n⌉, for lengths without a next power of two as well.
    let stages = u64::BITS - n.saturating_sub(1).leading_zeros();
    product([5, n, u64::from(stages)])
}

/// The axis: an attribute in operator set 17, where it is 1 by default, an operand since.
fn axis(call: &Call<'_>, x: &[u64]) -> Result<usize, OpError> {
    let axis = match call.optional(2) {
        Some(_) => call.ints(2)?.first().copied().ok_or(OpError::Unknown)?,
        None => call.int("axis", -2),
    };
    match axes::axis(axis, x)? {
        axis if axis + 1 < x.len() => Ok(axis),
        _ => Err(format!("axis {axis} of {x:?} holds real and imaginary parts").into()),
    }
}

/// Extents of the signal, the axis, and the length of its transform.
fn dft<'a>(call: &Call<'a>) -> Result<(&'a [u64], usize, u64), OpError> {
    let x = call.shape(0)?;
    if !matches!(x.last(), Some(1 | 2)) {
        return Err(format!("the last axis of {x:?} is neither a real nor a complex number").into());
    }
    let axis = axis(call, x)?;
    let whole = if one_sided(call, 0) && inverse(call) { x[axis].saturating_sub(1).saturating_mul(2) } else { x[axis] };
    Ok((x, axis, positive(call, 1, Some(whole))?))
}

fn one_sided(call: &Call<'_>, default: i64) -> bool {
    call.int("onesided", default) != 0
}

fn inverse(call: &Call<'_>) -> bool {
    call.int("inverse", 0) != 0
}

/// Batch, frames and length of a frame.
fn frames(call: &Call<'_>) -> Result<[u64; 3], OpError> {
    let x = call.shape(0)?;
    let (&[batch, length] | &[batch, length, 1 | 2]) = x else {
        return Err(format!("{x:?} is neither (batch, length) nor (batch, length, parts)").into());
    };
    let window = match call.optional(2) {
        Some(_) => Some(product(call.shape(2)?.iter().copied())?),
        None => None,
    };
    let (step, frame) = (positive(call, 1, None)?, positive(call, 3, Some(window.unwrap_or(length)))?);
    let room = length.checked_sub(frame).ok_or_else(|| format!("frames of {frame} are longer than {x:?}"))?;
    Ok([batch, room / step + 1, frame])
}

impl Operator for Dft {
    fn names(&self) -> &'static [&'static str] {
        &["DFT", "STFT"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let shape = match call.node.op.name() {
            "STFT" => {
                let [batch, frames, frame] = frames(call)?;
                vec![batch, frames, if one_sided(call, 1) { frame / 2 + 1 } else { frame }, 2]
            }
            _ => {
                let (x, axis, n) = dft(call)?;
                let mut shape = x.to_vec();
                let (extent, parts) = match (one_sided(call, 0), inverse(call)) {
                    (true, true) => (n, 1),
                    (true, false) => (n / 2 + 1, 2),
                    _ => (n, 2),
                };
                shape[axis] = extent;
                shape[x.len() - 1] = parts;
                shape
            }
        };
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Elementwise
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match node.op.name() {
            "STFT" => &[Role::Data, Role::Shape, Role::Factor, Role::Shape],
            _ => &[Role::Data, Role::Shape, Role::Shape],
        };
        roles.get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        if call.node.op.name() == "STFT" {
            let [batch, frames, frame] = frames(call)?;
            let windowed = if call.optional(2).is_some() { frame } else { 0 };
            return product([batch, frames, transform(frame)?.saturating_add(windowed)]).map(Work::flops);
        }
        let (x, axis, n) = dft(call)?;
        let others = x[..x.len() - 1].iter().enumerate().filter(|(a, _)| *a != axis).map(|(_, &extent)| extent);
        product(others.chain([transform(n)?])).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32, int, run, shape};
    use crate::{Attr, Attrs, attrs};

    fn dft(pairs: &[(&str, i64)], x: &[u64], length: Option<i64>) -> Option<(Vec<u64>, u64)> {
        let attrs: Attrs = pairs.iter().map(|(name, v)| ((*name).to_owned(), Attr::Int(*v))).collect();
        let (x, length) = (f32(x), length.map(int));
        let (facts, work) = call("DFT", attrs, &[Some(&x), length.as_ref()], 1).ok()?;
        Some((facts[0].shape.clone()?, work.flops))
    }

    #[test]
    fn both_sides_one_side_and_back() {
        assert_eq!(dft(&[], &[2, 1024, 1], None), Some((vec![2, 1024, 2], 2 * 5 * 1024 * 10)));
        assert_eq!(dft(&[("onesided", 1)], &[2, 1024, 1], None).unwrap().0, [2, 513, 2]);
        let back = [("onesided", 1), ("inverse", 1)];
        assert_eq!(dft(&back, &[2, 513, 2], None).unwrap().0, [2, 1024, 1]);
        assert_eq!(dft(&back, &[2, 513, 2], Some(1025)).unwrap().0, [2, 1025, 1]);
        assert_eq!(dft(&[("axis", 1)], &[2, 8, 6, 1], Some(16)).unwrap().0, [2, 16, 6, 2]);
        let works = [1, 2, 3, 4, 5, u64::MAX].map(|n| dft(&[], &[n, 1], None).map(|(_, flops)| flops / n));
        assert_eq!(works, [Some(0), Some(5), Some(10), Some(10), Some(15), None]);
        for (axis, x) in [(-1, &[4u64, 2][..]), (2, &[4, 8, 2]), (0, &[4, 8, 3])] {
            assert_eq!(dft(&[("axis", axis)], x, None), None);
        }
    }

    #[test]
    fn frames_of_a_signal() {
        let inputs = [f32(&[2, 16000]), int(160), f32(&[400])];
        let (facts, work) = run("STFT", attrs([]), &inputs).unwrap();
        assert_eq!(facts[0], f32(&[2, 98, 201, 2]));
        assert_eq!(work.flops, 2 * 98 * (5 * 400 * 9 + 400));
        let both = attrs([("onesided", Attr::Int(0))]);
        assert_eq!(shape("STFT", both, &inputs).unwrap(), [2, 98, 400, 2]);
        assert!(run("STFT", attrs([]), &[f32(&[2, 100]), int(160), f32(&[400])]).is_err());
        assert!(run("STFT", attrs([]), &[f32(&[2, 1000]), int(0), f32(&[400])]).is_err());
    }
}
