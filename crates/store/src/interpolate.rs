//! Between two measured batches.

/// What the bounds of an interpolation rest on.
pub const RULE: &str =
    "more samples never take less, and never more a sample; widened by half the spread of the neighbours";

/// A measured batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub batch: u64,
    pub value: f64,
    /// Relative to the value.
    pub spread: f64,
}

/// A value with its bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// The value at `batch`, on the straight line between `a` and `b` where both axes are logarithms:
///
/// y = a (batch / batch_a)^s, s = ln(b / a) / ln(batch_b / batch_a).
///
/// It costs no less than the smaller batch and no more than the larger, no more a sample than the smaller batch and no less
/// a sample than the larger: max(a, b · batch / batch_b) ≤ y ≤ min(b, a · batch / batch_a). Where the two measurements
/// themselves break this rule the bounds are what they span. `None` for what is not between them.
pub(crate) fn between(a: Point, b: Point, batch: u64) -> Option<Estimate> {
    let (a, b) = if a.batch <= b.batch { (a, b) } else { (b, a) };
    let positive = |x: f64| x.is_finite() && x > 0.0;
    if a.batch == 0 || batch <= a.batch || batch >= b.batch || !positive(a.value) || !positive(b.value) {
        return None;
    }
    let (from, to, at) = (a.batch as f64, b.batch as f64, batch as f64);
    let slope = (b.value / a.value).ln() / (to / from).ln();
    let value = a.value * (slope * (at / from).ln()).exp();
    let bounds = [a.value.max(b.value * at / to), b.value.min(a.value * at / from)];
    let (low, high) = match (0.0..=1.0).contains(&slope) {
        true => (bounds[0], bounds[1]),
        false => (a.value.min(b.value), a.value.max(b.value)),
    };
    let spread = |point: Point| if point.spread.is_finite() { point.spread.max(0.0) / 2.0 } else { 0.0 };
    let wider = spread(a).max(spread(b));
    let (low, high) = (low.min(value) / (1.0 + wider), high.max(value) * (1.0 + wider));
    [value, low, high].iter().all(|x| positive(*x)).then_some(Estimate { value, low, high })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(batch: u64, value: f64) -> Point {
        Point { batch, value, spread: 0.0 }
    }

    proptest! {
        /// A fixed cost and a cost a sample are what runs are made of: the truth lies within the bounds.
        #[test]
        fn bounds_hold_what_keeps_the_rule(
            fixed in 0.0..100.0f64, each in 0.001..10.0f64, power in 0.0..1.0f64,
            from in 1u64..1000, gap in 2u64..1000, share in 0.0..1.0f64,
        ) {
            let to = from + gap;
            let at = (from + 1 + (share * (gap - 2) as f64) as u64).min(to - 1);
            let time = |batch: u64| fixed + each * (batch as f64).powf(power);
            let estimate = between(point(from, time(from)), point(to, time(to)), at).unwrap();
            let slack = 1e-9 * time(at);
            prop_assert!(estimate.low <= time(at) + slack && time(at) <= estimate.high + slack, "{estimate:?} {}", time(at));
            prop_assert!(estimate.low <= estimate.value && estimate.value <= estimate.high);
            prop_assert!(time(from) - slack <= estimate.low && estimate.high <= time(to) + slack);
        }

        /// Whatever was measured, the value lies between the neighbours, in either order, and scales with them.
        #[test]
        fn between_the_neighbours(
            a in 1e-6..1e6f64, b in 1e-6..1e6f64, from in 1u64..1_000_000, gap in 2u64..1_000_000,
            share in 0.0..1.0f64, scale in 1e-3..1e3f64, spread in 0.0..2.0f64,
        ) {
            let to = from + gap;
            let at = (from + 1 + (share * (gap - 2) as f64) as u64).min(to - 1);
            let estimate = between(point(from, a), point(to, b), at).unwrap();
            prop_assert!(a.min(b) * (1.0 - 1e-9) <= estimate.value && estimate.value <= a.max(b) * (1.0 + 1e-9));
            prop_assert!(estimate.low <= estimate.value && estimate.value <= estimate.high);
            let swapped = between(point(to, b), point(from, a), at).unwrap();
            prop_assert_eq!(swapped.value, estimate.value);
            let scaled = between(point(from, a * scale), point(to, b * scale), at).unwrap();
            prop_assert!((scaled.value / estimate.value / scale - 1.0).abs() < 1e-9);
            let wider = between(Point { spread, ..point(from, a) }, point(to, b), at).unwrap();
            prop_assert!(wider.low <= estimate.low && estimate.high <= wider.high && wider.value == estimate.value);
        }

        /// There is no answer beyond what was measured.
        #[test]
        fn nothing_is_extrapolated(from in 1u64..1000, gap in 0u64..1000, at in 0u64..4000) {
            let estimate = between(point(from, 1.0), point(from + gap, 2.0), at);
            prop_assert_eq!(estimate.is_some(), from < at && at < from + gap);
        }
    }
}
