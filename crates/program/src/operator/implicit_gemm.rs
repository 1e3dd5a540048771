//! A convolution as a product of matrices: the windows are gathered into a matrix, which a schedule may leave implicit
//! by computing it where it is read.

use super::{Window, conv::padded};
use crate::{BufferId, Builder, Error, Expr, Reducer, Result};

/// x (N, C, H, W) and w (O, C, Ky, Kx) → (N, O, H', W'), with one reduction axis over C·Ky·Kx and one spatial axis
/// over the pixels.
///
/// # Errors
/// Shapes that do not fit; groups.
pub fn conv_as_matmul(b: &mut Builder, x: BufferId, w: BufferId, window: &Window) -> Result<BufferId> {
    let (xs, ws) = (b.shape(x).to_vec(), b.shape(w).to_vec());
    let (&[n, c, ref input @ ..], &[o, inner, ref kernel @ ..]) = (xs.as_slice(), ws.as_slice()) else {
        return Err(Error::operator("conv", format!("x {xs:?}, w {ws:?}")));
    };
    let counts = window.counts("conv", input, kernel)?;
    if window.groups != 1 || inner != c || counts.len() != 2 {
        return Err(Error::operator("conv", format!("x {xs:?}, w {ws:?}, {} groups as one product", window.groups)));
    }
    let x = padded(b, x, &window.pads, 0.0)?;
    let [width, taps] = [counts[1].max(1) as i64, (kernel[0] * kernel[1]) as i64];
    let (pixels, depth) = (counts[0] * counts[1], c * kernel[0] * kernel[1]);
    let columns = b.map("columns", &[("n", n), ("k", depth), ("p", pixels)], |i| {
        let (tap, pixel) = (&i[1], &i[2]);
        let (ky, kx) = (tap.modulo(taps).div(kernel[1] as i64), tap.modulo(kernel[1] as i64));
        let y = &(pixel.div(width) * window.strides[0] as i64) + &(ky * window.dilations[0] as i64);
        let at = &(pixel.modulo(width) * window.strides[1] as i64) + &(kx * window.dilations[1] as i64);
        Expr::Load(x, vec![i[0].clone(), tap.div(taps), y, at])
    })?;
    let rows = b.map("rows", &[("o", o), ("k", depth)], |i| {
        let tap = &i[1];
        let (ky, kx) = (tap.modulo(taps).div(kernel[1] as i64), tap.modulo(kernel[1] as i64));
        Expr::Load(w, vec![i[0].clone(), tap.div(taps), ky, kx])
    })?;
    let spatial = [("n", n), ("o", o), ("p", pixels)];
    let product = b.reduce("product", &spatial, &[("k", depth)], Reducer::Sum, |s, r| {
        Expr::Load(columns, vec![s[0].clone(), r[0].clone(), s[2].clone()])
            * Expr::Load(rows, vec![s[1].clone(), r[0].clone()])
    })?;
    b.map("conv", &[("n", n), ("o", o), ("y", counts[0]), ("x", counts[1])], |i| {
        Expr::Load(product, vec![i[0].clone(), i[1].clone(), &(&i[2] * width) + &i[3]])
    })
}

#[cfg(test)]
mod tests {
    use super::super::{conv, testing::run};
    use super::*;

    #[test]
    fn equals_the_direct_form() {
        for (xs, ws, window) in [
            ([1, 3, 7, 6], [4, 3, 3, 3], Window::square(2, 1, 1)),
            ([2, 2, 9, 8], [3, 2, 3, 2], Window::square(2, 2, 0)),
            ([1, 4, 5, 5], [2, 4, 1, 1], Window::square(2, 1, 0)),
        ] {
            let (_, _, direct) = run(&[&xs, &ws], |b, x| conv(b, x[0], x[1], &window));
            let (_, _, product) = run(&[&xs, &ws], |b, x| conv_as_matmul(b, x[0], x[1], &window));
            assert_eq!(direct, product);
        }
    }
}
