//! The diagonal of matrices, (N, H, W) → (N, length), and matrices with a diagonal, (N, length) → (N, M, M): that of the
//! attribute `diagonal`, above the main one where positive. ncnn's `Diag`.

use crate::{Call, Class, Fact, Node, OpError, Operator};

pub(super) struct Diagonal;

impl Operator for Diagonal {
    fn names(&self) -> &'static [&'static str] {
        &["Diagonal", "DiagonalMatrix"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, place) = (call.shape(0)?, call.int("diagonal", 0));
        let off = place.unsigned_abs();
        let shape = match (call.node.op.name(), x) {
            ("Diagonal", &[n, h, w]) => {
                // The first element lies to the right of the corner, or below it.
                let (h, w) = if place < 0 { (h.saturating_sub(off), w) } else { (h, w.saturating_sub(off)) };
                vec![n, h.min(w)]
            }
            ("DiagonalMatrix", &[n, length]) => {
                let side = length.checked_add(off).ok_or_else(|| format!("{x:?} on diagonal {place}"))?;
                vec![n, side, side]
            }
            _ => return Err(format!("{x:?} has no diagonal").into()),
        };
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, shape};
    use crate::{Attr, attrs};

    #[test]
    fn there_and_back() {
        let of = |op: &str, place, x: &[u64]| shape(op, attrs([("diagonal", Attr::Int(place))]), &[f32(x)]);
        assert_eq!(of("Diagonal", 2, &[1, 4, 5]).unwrap(), [1, 3]);
        assert_eq!(of("Diagonal", -1, &[1, 4, 5]).unwrap(), [1, 3]);
        assert_eq!(of("Diagonal", 9, &[1, 4, 5]).unwrap(), [1, 0]);
        assert_eq!(of("DiagonalMatrix", -2, &[1, 3]).unwrap(), [1, 5, 5]);
        assert!(of("Diagonal", 0, &[1, 3]).is_err() && of("DiagonalMatrix", i64::MIN, &[1, u64::MAX]).is_err());
    }
}
