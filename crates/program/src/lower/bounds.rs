//! Which part of a buffer is read: the bounds of an index while some of its variables vary.

use crate::{Atom, Index, Range, Var};

/// `min`, in terms of the variables that do not vary, and the largest distance from it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bounds {
    pub min: Index,
    pub width: i64,
}

impl Bounds {
    /// Bounds of both; `None` where they lie at a distance that is not a number.
    pub fn union(self, other: Self) -> Option<Self> {
        let distance = (&other.min - &self.min).as_constant()?;
        let width = self.width.max(distance + other.width) - distance.min(0);
        let min = if distance < 0 { other.min } else { self.min };
        Some(Self { min, width })
    }
}

/// Bounds of `index` where the variables that `varies` knows go from 0 to their extent.
pub(super) fn bounds(index: &Index, varies: &dyn Fn(Var) -> Option<u64>) -> Bounds {
    let mut sum = Bounds { min: Index::constant(index.offset()), width: 0 };
    for (atom, coefficient) in index.terms() {
        let part = match atom {
            Atom::Var(var) => match varies(*var) {
                None => Bounds { min: Index::var(*var), width: 0 },
                Some(extent) => Bounds { min: Index::default(), width: Range::of(extent).max },
            },
            Atom::Div(inner, by) => {
                let inner = bounds(inner, varies);
                // From a multiple of the divisor on, fewer quotients are met.
                let width = match inner.min.is_multiple(*by) {
                    true => inner.width / by,
                    false if inner.width == 0 => 0,
                    false => inner.width.saturating_add(by - 1) / by,
                };
                Bounds { min: inner.min.div(*by), width }
            }
            Atom::Mod(inner, by) => {
                let inner = bounds(inner, varies);
                match inner.width {
                    0 => Bounds { min: inner.min.modulo(*by), width: 0 },
                    width if width < *by && inner.min.is_multiple(*by) => Bounds { min: Index::default(), width },
                    _ => Bounds { min: Index::default(), width: by - 1 },
                }
            }
        };
        let width = part.width.saturating_mul(coefficient.abs());
        let min = if *coefficient < 0 { part.min + part.width } else { part.min };
        sum.min = &sum.min + &min.times(*coefficient);
        sum.width = sum.width.saturating_add(width);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_over_a_tile() {
        // 2·(8·o + i) + k, with i < 8 and k < 3: 17 elements from 16·o on.
        let index = (Index::var(0) * 8 + Index::var(1)) * 2 + Index::var(2);
        let varies = |var: Var| [None, Some(8), Some(3)][var as usize];
        assert_eq!(bounds(&index, &varies), Bounds { min: Index::var(0) * 16, width: 16 });
        let flipped = Index::constant(5) - Index::var(1);
        assert_eq!(bounds(&flipped, &varies), Bounds { min: Index::constant(-2), width: 7 });
    }

    #[test]
    fn holds_for_every_value() {
        let a = Index::var(0) * 3 + Index::var(1) * 2 + 1;
        for index in [a.div(4), a.modulo(5), a.div(2) * 2 - a.modulo(3), a.div(6).modulo(2)] {
            let varies = |var: Var| (var == 1).then_some(6);
            let b = bounds(&index, &varies);
            for (outer, inner) in (0..5).flat_map(|o| (0..6).map(move |i| (o, i))) {
                let distance = index.value(&[outer, inner]) - b.min.value(&[outer, inner]);
                assert!((0..=b.width).contains(&distance), "{index:?} {b:?}");
            }
        }
    }
}
