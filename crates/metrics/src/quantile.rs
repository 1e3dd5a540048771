//! Quantiles, in the one definition that this workspace uses.

use ndarray::ArrayView1;

use crate::{Result, relative::errors};

/// The `q`-quantile of values in any order; `None` of no values. `q` beyond 0 and 1 is taken as the nearer of them.
///
/// Of the n values in ascending order, counted from 0, it is the one at place q · (n − 1), interpolated linearly
/// between its neighbours: what NumPy calls `linear`, R type 7. The median of an even number of values is thus the mean
/// of the middle two.
///
/// ```
/// use tachograph_metrics::quantile;
/// assert_eq!(quantile(&[4.0, 1.0, 2.0], 0.25), Some(1.5));
/// assert_eq!(quantile(&[], 0.25), None);
/// ```
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let place = q.clamp(0.0, 1.0) * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted.get(place.floor() as usize)?, sorted.get(place.ceil() as usize)?);
    // Equal neighbours may be infinite, and ∞ − ∞ is no number.
    Some(if below == above { *below } else { below + (above - below) * place.fract() })
}

/// The median: [`quantile`] one half. `None` of no values.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// Median absolute percentage error, the median of |p − y| / |y|, as a fraction.
///
/// # Errors
/// As [`mape`](crate::mape).
pub fn median_ape<'a>(
    predicted: impl Into<ArrayView1<'a, f64>>,
    measured: impl Into<ArrayView1<'a, f64>>,
) -> Result<f64> {
    median(&errors(predicted, measured)?).ok_or(crate::Error::Empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5), "the mean of the middle two");
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median(&[]), None);
        let values = [30.0, 10.0, 20.0, 50.0, 40.0];
        for (q, expected) in [(0.0, 10.0), (0.1, 14.0), (0.25, 20.0), (0.9, 46.0), (1.0, 50.0), (2.0, 50.0)] {
            assert!((quantile(&values, q).unwrap() - expected).abs() < 1e-12, "{q}");
        }
        assert_eq!(quantile(&[1.0, f64::INFINITY, f64::INFINITY], 0.75), Some(f64::INFINITY));
    }

    #[test]
    fn half_of_the_errors_are_larger() {
        let error = median_ape(&[1.1, 2.4, 3.0, 8.0], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!((error - 0.15).abs() < 1e-12, "{error}");
        assert!(median_ape(&[1.0], &[0.0]).is_err());
    }
}
