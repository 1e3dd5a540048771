//! Confidence intervals by resampling.

use ndarray::{Array1, ArrayView1};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, input::pair, quantile};

/// A metric with its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// On all samples.
    pub estimate: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
    /// Confidence, such as 0.95.
    pub level: f64,
}

/// Percentile bootstrap: `metric` on `resamples` samples drawn with replacement; the interval lies between
/// the (1 − level)/2 and (1 + level)/2 [`quantile`]s. Resamples on which the metric is
/// undefined (all equal, say) are left out.
///
/// # Errors
/// Unequal lengths, no samples, values that are not finite, what `metric` refuses on all samples;
/// undefined where `level` is outside (0, 1), or fewer than two resamples have a value.
pub fn bootstrap<'a>(
    predicted: impl Into<ArrayView1<'a, f64>>,
    measured: impl Into<ArrayView1<'a, f64>>,
    metric: impl Fn(ArrayView1<'_, f64>, ArrayView1<'_, f64>) -> Result<f64>,
    resamples: usize,
    level: f64,
    seed: u64,
) -> Result<Interval> {
    let (predicted, measured) = pair(predicted, measured)?;
    let undefined = |reason| Error::Undefined { metric: "the confidence interval", reason };
    if !(level > 0.0 && level < 1.0) {
        return Err(undefined("its level is not between 0 and 1"));
    }
    let estimate = metric(predicted, measured)?;
    let (mut rng, n) = (ChaCha8Rng::seed_from_u64(seed), predicted.len());
    let mut values = Vec::with_capacity(resamples);
    let (mut p, mut y) = (Array1::zeros(n), Array1::zeros(n));
    for _ in 0..resamples {
        for (p, y) in p.iter_mut().zip(&mut y) {
            let i = rng.random_range(0..n);
            (*p, *y) = (predicted[i], measured[i]);
        }
        values.extend(metric(p.view(), y.view()));
    }
    if values.len() < 2 {
        return Err(undefined("fewer than two resamples have a value"));
    }
    let at = |q| quantile(&values, q).ok_or(Error::Empty);
    Ok(Interval { estimate, low: at((1.0 - level) / 2.0)?, high: at((1.0 + level) / 2.0)?, level })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{mae, pearson};

    #[test]
    fn covers_the_mean_as_often_as_it_says() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let trials = 200;
        let mut covered = 0;
        for seed in 0..trials {
            // |p − y| is uniform on (0, 1): its mean is 0.5.
            let p: Vec<f64> = (0..60).map(|_| rng.random_range(0.0..1.0)).collect();
            let interval = bootstrap(&p, &vec![0.0; 60], |p, y| mae(p, y), 300, 0.9, seed).unwrap();
            covered += u32::from(interval.low <= 0.5 && 0.5 <= interval.high);
        }
        assert!((165..=195).contains(&covered), "{covered} of {trials} at 90 %");
    }

    #[test]
    fn same_seed_same_interval_and_undefined_resamples_do_not_spoil_it() {
        let (p, y) = ([1.0, 2.0, 3.5], [1.0, 2.0, 3.0]);
        let run = |seed| bootstrap(&p, &y, |p, y| pearson(p, y), 100, 0.95, seed).unwrap();
        assert_eq!(run(1), run(1));
        assert!(run(1).low <= run(1).high);
    }

    #[test]
    fn refuses_a_level_that_is_none() {
        for level in [0.0, 1.0, f64::NAN] {
            assert!(bootstrap(&[1.0], &[1.0], |p, y| mae(p, y), 10, level, 0).is_err());
        }
    }
}
