//! Winograd's minimal filtering for 3×3 convolutions of stride 1 (Lavin and Gray, CVPR 2016, "Fast Algorithms for
//! Convolutional Neural Networks"): Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A, with the sum over channels inside.
//!
//! The weights are transformed by a stage that depends on them alone, so beforehand.

use super::{Window, conv::padded};
use crate::{BufferId, Builder, Error, Expr, Index, Reducer, Result};

/// The size of the tile of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tile {
    /// F(2×2, 3×3): 16 products in place of 36.
    F2,
    /// F(4×4, 3×3): 36 products in place of 144, with rounding errors some ten times larger.
    F4,
}

impl Tile {
    fn size(self) -> u64 {
        match self {
            Self::F2 => 2,
            Self::F4 => 4,
        }
    }

    /// Bᵀ, G and Aᵀ, row-major.
    fn matrices(self) -> [&'static [f64]; 3] {
        match self {
            Self::F2 => [
                &[1., 0., -1., 0., 0., 1., 1., 0., 0., -1., 1., 0., 0., 1., 0., -1.],
                &[1., 0., 0., 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, 0., 0., 1.],
                &[1., 1., 1., 0., 0., 1., -1., -1.],
            ],
            Self::F4 => [
                &[
                    4., 0., -5., 0., 1., 0., 0., -4., -4., 1., 1., 0., 0., 4., -4., -1., 1., 0., 0., -2., -1., 2., 1.,
                    0., 0., 2., -1., -2., 1., 0., 0., 4., 0., -5., 0., 1.,
                ],
                &[
                    0.25,
                    0.,
                    0.,
                    -1. / 6.,
                    -1. / 6.,
                    -1. / 6.,
                    -1. / 6.,
                    1. / 6.,
                    -1. / 6.,
                    1. / 24.,
                    1. / 12.,
                    1. / 6.,
                    1. / 24.,
                    -1. / 12.,
                    1. / 6.,
                    0.,
                    0.,
                    1.,
                ],
                &[1., 1., 1., 1., 1., 0., 0., 1., -1., 2., -2., 0., 0., 1., 1., 4., 4., 0., 0., 1., -1., 8., -8., 1.],
            ],
        }
    }
}

/// x (N, C, H, W) and w (O, C, 3, 3) → (N, O, H', W'), stride 1.
///
/// # Errors
/// Anything but a 3×3 convolution of stride 1, undilated, in one group.
pub fn winograd(b: &mut Builder, x: BufferId, w: BufferId, window: &Window, tile: Tile) -> Result<BufferId> {
    let (xs, ws) = (b.shape(x).to_vec(), b.shape(w).to_vec());
    let refuse = || Error::operator("winograd", format!("x {xs:?}, w {ws:?}, {window:?}"));
    let (&[n, c, ref input @ ..], &[o, inner, 3, 3]) = (xs.as_slice(), ws.as_slice()) else { return Err(refuse()) };
    let counts = window.counts("winograd", input, &[3, 3])?;
    if window.groups != 1 || inner != c || window.strides != [1, 1] || window.dilations != [1, 1] {
        return Err(refuse());
    }
    let (m, a) = (tile.size(), tile.size() + 2);
    let [bt, g, at] = tile.matrices();
    let (rows, columns) = (counts[0].div_ceil(m), counts[1].div_ceil(m));
    // Whole tiles: zeros after the last row and column as well.
    let mut pads = window.pads.clone();
    for (pad, (tiles, &extent)) in pads.iter_mut().zip([rows, columns].into_iter().zip(input)) {
        pad[1] = (tiles * m + 2) as i64 - extent as i64 - pad[0];
    }
    let x = padded(b, x, &pads, 0.0)?;
    let entry =
        |matrix: &[f64], width: u64, i: &Index, j: &Index| Expr::Table(matrix.to_vec(), &(i * width as i64) + j);
    // Both transforms go along one axis and then the other: fewer products, and none with a table of two indices.
    let half = b.reduce(
        "input_rows",
        &[("n", n), ("c", c), ("ty", rows), ("e", a), ("x", columns * m + 2)],
        &[("r", a)],
        Reducer::Sum,
        |s, r| {
            let y = &(&s[2] * m as i64) + &r[0];
            entry(bt, a, &s[3], &r[0]) * Expr::Load(x, vec![s[0].clone(), s[1].clone(), y, s[4].clone()])
        },
    )?;
    let v = b.reduce(
        "input_tiles",
        &[("e", a), ("f", a), ("n", n), ("ty", rows), ("tx", columns), ("c", c)],
        &[("r", a)],
        Reducer::Sum,
        |s, r| {
            let at = &(&s[4] * m as i64) + &r[0];
            let read = vec![s[2].clone(), s[5].clone(), s[3].clone(), s[0].clone(), at];
            entry(bt, a, &s[1], &r[0]) * Expr::Load(half, read)
        },
    )?;
    let u = b.reduce(
        "weight_tiles",
        &[("e", a), ("f", a), ("o", o), ("c", c)],
        &[("r", 3), ("s", 3)],
        Reducer::Sum,
        |s, r| {
            let tap = vec![s[2].clone(), s[3].clone(), r[0].clone(), r[1].clone()];
            entry(g, 3, &s[0], &r[0]) * entry(g, 3, &s[1], &r[1]) * Expr::Load(w, tap)
        },
    )?;
    let product = b.reduce(
        "products",
        &[("e", a), ("f", a), ("n", n), ("ty", rows), ("tx", columns), ("o", o)],
        &[("c", c)],
        Reducer::Sum,
        |s, r| {
            let mut tile = s[..5].to_vec();
            tile.push(r[0].clone());
            Expr::Load(v, tile) * Expr::Load(u, vec![s[0].clone(), s[1].clone(), s[5].clone(), r[0].clone()])
        },
    )?;
    let half = b.reduce(
        "output_rows",
        &[("n", n), ("o", o), ("ty", rows), ("tx", columns), ("f", a), ("dy", m)],
        &[("e", a)],
        Reducer::Sum,
        |s, r| {
            let read = vec![r[0].clone(), s[4].clone(), s[0].clone(), s[2].clone(), s[3].clone(), s[1].clone()];
            entry(at, a, &s[5], &r[0]) * Expr::Load(product, read)
        },
    )?;
    let spatial = [("n", n), ("o", o), ("y", counts[0]), ("x", counts[1])];
    b.reduce("conv", &spatial, &[("f", a)], Reducer::Sum, |s, r| {
        let m = m as i64;
        let read = vec![s[0].clone(), s[1].clone(), s[2].div(m), s[3].div(m), r[0].clone(), s[2].modulo(m)];
        entry(at, a, &s[3].modulo(m), &r[0]) * Expr::Load(half, read)
    })
}

#[cfg(test)]
mod tests {
    use super::super::{
        conv,
        testing::{close, run},
    };
    use super::*;

    #[test]
    fn both_tiles_equal_the_direct_form() {
        for (xs, pad) in [([1, 3, 8, 8], 1), ([2, 2, 7, 5], 1), ([1, 2, 6, 9], 0), ([1, 1, 3, 3], 0)] {
            let ws = [4, xs[1], 3, 3];
            let window = Window::square(2, 1, pad);
            let (_, _, direct) = run(&[&xs, &ws], |b, x| conv(b, x[0], x[1], &window));
            for tile in [Tile::F2, Tile::F4] {
                let (_, _, fast) = run(&[&xs, &ws], |b, x| winograd(b, x[0], x[1], &window, tile));
                close(&direct, &fast);
            }
        }
    }

    #[test]
    fn only_its_own_convolutions() {
        let mut b = Builder::new("t");
        let f32 = tachograph_ir::DType::F32;
        let x = b.input("x", f32, &[1, 4, 9, 9]).unwrap();
        let w = b.weight("w", f32, &[8, 4, 3, 3]).unwrap();
        assert!(winograd(&mut b, x, w, &Window::square(2, 2, 1), Tile::F2).is_err());
        assert!(winograd(&mut b, x, w, &Window::square(2, 1, 1), Tile::F4).is_ok());
    }
}
