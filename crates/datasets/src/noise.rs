//! How far measurements of the same thing differ: no predictor can be better than that.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    hash::Hash,
};

use serde::Serialize;
use tachograph_metrics::{median, quantile};

/// Differences between repeated measurements, over pairs of values with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Noise {
    /// Pairs of measurements.
    pub pairs: usize,
    /// Mean of |a − b| / ((a + b) / 2).
    pub mean: f64,
    /// Median of it.
    pub median: f64,
    /// What nine of ten pairs are within.
    pub p90: f64,
}

impl Noise {
    /// Of every key that occurs more than once, its first value against each later one. `None` where no key does.
    pub fn of<K: Hash + Eq>(values: impl IntoIterator<Item = (K, f64)>) -> Option<Self> {
        let mut first = HashMap::new();
        let mut differences = Vec::new();
        for (key, value) in values {
            match first.entry(key) {
                Entry::Vacant(entry) => drop(entry.insert(value)),
                Entry::Occupied(entry) => {
                    let other: f64 = *entry.get();
                    differences.push((value - other).abs() / ((value + other) / 2.0));
                }
            }
        }
        let (pairs, total) = (differences.len(), differences.iter().sum::<f64>());
        let (median, p90) = (median(&differences)?, quantile(&differences, 0.9)?);
        Some(Self { pairs, mean: total / pairs as f64, median, p90 })
    }
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [mean, median, p90] = [self.mean, self.median, self.p90].map(|share| 100.0 * share);
        let pairs = self.pairs;
        write!(f, "{pairs} pairs differ by {median:.1} % (median), {mean:.1} % (mean), {p90:.1} % (9 of 10)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let noise = Noise::of([("a", 1.0), ("b", 5.0), ("a", 3.0), ("a", 1.0)]).unwrap();
        assert_eq!((noise.pairs, noise.mean, noise.median), (2, 0.5, 0.5));
        assert!((noise.p90 - 0.9).abs() < 1e-12, "{noise:?}");
        assert_eq!(Noise::of([("a", 1.0), ("b", 1.0)]), None);
    }
}
