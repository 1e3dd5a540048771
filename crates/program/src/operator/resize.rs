//! Resize by nearest or linear sampling of the last axes.

use super::{Node, Operator, named};
use crate::{BufferId, Builder, Error, Expr, Index, Result};

/// How samples between grid points are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resampling {
    /// The element before: ONNX's `nearest` with `floor` and `asymmetric` coordinates.
    Nearest,
    /// Weighted by distance, at half-pixel coordinates.
    Linear,
}

/// Resizes to a shape, axis by axis.
///
/// # Errors
/// Another rank; linear sampling along an axis where one extent is no multiple of the other.
pub fn resize(b: &mut Builder, x: BufferId, shape: &[u64], how: Resampling) -> Result<BufferId> {
    let from = b.shape(x).to_vec();
    if from.len() != shape.len() || from.contains(&0) || shape.contains(&0) {
        return Err(Error::operator("resize", format!("{from:?} to {shape:?}")));
    }
    match how {
        Resampling::Nearest => b.map("resize", &named(shape), |i| {
            let at = |((i, &old), &new): ((&Index, &u64), &u64)| {
                if old == new { i.clone() } else { (i * old as i64).div(new as i64) }
            };
            Expr::Load(x, i.iter().zip(&from).zip(shape).map(at).collect())
        }),
        Resampling::Linear => {
            let mut y = x;
            for axis in (0..shape.len()).filter(|&axis| from[axis] != shape[axis]) {
                y = linear(b, y, axis, shape[axis])?;
            }
            Ok(y)
        }
    }
}

/// Along one axis: the sample at (i + ½)·old/new − ½, between its neighbours, clamped to the ends.
fn linear(b: &mut Builder, x: BufferId, axis: usize, new: u64) -> Result<BufferId> {
    let mut shape = b.shape(x).to_vec();
    let old = shape[axis];
    shape[axis] = new;
    b.map("resize", &named(&shape), |i| {
        // Twice the coordinate times `new`, an integer: (2i + 1)·old − new.
        let twice = &(&i[axis] * (2 * old as i64)) + (old as i64 - new as i64);
        let before = twice.div(2 * new as i64);
        let fraction = Expr::Index(twice.modulo(2 * new as i64)) * (0.5 / new as f64);
        let at = |offset: i64| {
            let position = Expr::Index(&before + offset).max(0.0).min((old - 1) as f64);
            let mut index = i.to_vec();
            index[axis] = Index::default();
            Expr::Lookup { buffer: x, axis, position: Box::new(position), index }
        };
        at(0) * (Expr::from(1.0) - fraction.clone()) + at(1) * fraction
    })
}

pub(super) struct Resize;

impl Operator for Resize {
    fn names(&self) -> &'static [&'static str] {
        &["Resize", "Upsample"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let (x, shape) = (node.operand(0)?, node.result(0)?);
        let coordinates = match node.name() {
            "Upsample" => "asymmetric",
            _ => node.call.text("coordinate_transformation_mode", "half_pixel"),
        };
        let rounding = node.call.text("nearest_mode", "round_prefer_floor");
        let whole = b.shape(x).iter().zip(shape).all(|(&old, &new)| old != 0 && new.is_multiple_of(old));
        let how = match (node.call.text("mode", "nearest"), coordinates) {
            ("nearest", "asymmetric") if rounding == "floor" || node.name() == "Upsample" => Resampling::Nearest,
            // With a whole factor every rounding of half-pixel coordinates gives the same element.
            ("nearest", "half_pixel" | "pytorch_half_pixel") if whole => Resampling::Nearest,
            ("linear" | "bilinear", "half_pixel" | "pytorch_half_pixel") => Resampling::Linear,
            (mode, _) => return Err(node.refuse(format!("resizes by {mode}, {coordinates}, {rounding}"))),
        };
        resize(b, x, shape, how).map(|y| vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{close, data, run};
    use super::*;

    #[test]
    fn nearest_repeats_and_linear_interpolates() {
        let x = data(0, &[1, 1, 3]);
        let (_, _, y) = run(&[&[1, 1, 3]], |b, x| resize(b, x[0], &[1, 1, 6], Resampling::Nearest));
        assert_eq!(y, [x[0], x[0], x[1], x[1], x[2], x[2]]);
        let (_, _, y) = run(&[&[1, 1, 3]], |b, x| resize(b, x[0], &[1, 1, 6], Resampling::Linear));
        let mix = |a: f64, b: f64, t: f64| a * (1.0 - t) + b * t;
        let expected =
            [x[0], mix(x[0], x[1], 0.25), mix(x[0], x[1], 0.75), mix(x[1], x[2], 0.25), mix(x[1], x[2], 0.75), x[2]];
        close(&expected, &y);
    }
}
