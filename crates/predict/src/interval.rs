//! Intervals around predictions, from networks held out.

use serde::{Deserialize, Serialize};

/// Where measurements lie beside a prediction, as factors: low · prediction to high · prediction.
///
/// Split conformal prediction (Lei et al., "Distribution-Free Predictive Inference for Regression", JASA 2018) with the
/// ratio of measured to predicted as the score, and a quantile for each side, since ratios are not symmetric: of the n
/// ratios of the calibration set in ascending order, and with α = 1 − nominal, `low` is number ⌊(n + 1) α/2⌋ and `high`
/// number ⌈(n + 1)(1 − α/2)⌉. A new network that is drawn like those of the calibration set lies between them with a
/// probability of at least `nominal`; one of another kind may not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictionInterval {
    /// Factor of the lower end.
    pub low: f64,
    /// Factor of the upper end.
    pub high: f64,
    /// The share of measurements that it is to cover, such as 0.8.
    pub nominal: f64,
    /// What it was calibrated on, such as `validation, 300 networks`.
    pub source: String,
}

impl PredictionInterval {
    /// From predictions of networks that the weights were not fitted on, and what was measured.
    ///
    /// `None` where the ratios cannot hold the promise: fewer than 2/(1 − nominal) − 1 of them (9 for 80 %), values that
    /// are not positive and finite, slices of different lengths, or a nominal share that is not between 0 and 1.
    pub fn fit(predicted: &[f64], measured: &[f64], nominal: f64, source: impl Into<String>) -> Option<Self> {
        let positive = |x: &f64| *x > 0.0 && x.is_finite();
        let values = predicted.iter().chain(measured);
        if predicted.len() != measured.len() || !values.clone().all(positive) || !(nominal > 0.0 && nominal < 1.0) {
            return None;
        }
        let mut ratios: Vec<f64> = measured.iter().zip(predicted).map(|(y, p)| y / p).collect();
        ratios.sort_by(f64::total_cmp);
        // (10 + 1) · 0.1 is more than 1.1 in floating point.
        let slack = 1e-9;
        let (n, tail) = (ratios.len() as f64 + 1.0, (1.0 - nominal) / 2.0);
        let low = (n * tail + slack).floor() as usize;
        let high = (n * (1.0 - tail) - slack).ceil() as usize;
        let (low, high) = (*ratios.get(low.checked_sub(1)?)?, *ratios.get(high.checked_sub(1)?)?);
        Some(Self { low, high, nominal, source: source.into() })
    }

    /// The interval of a prediction, in its unit.
    pub fn around(&self, prediction: f64) -> (f64, f64) {
        (self.low * prediction, self.high * prediction)
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use tachograph_metrics::Calibration;

    use super::*;

    #[test]
    fn by_hand() {
        let measured: Vec<f64> = (1..=9).rev().map(f64::from).collect();
        let interval = PredictionInterval::fit(&[1.0; 9], &measured, 0.8, "nine").unwrap();
        assert_eq!((interval.low, interval.high), (1.0, 9.0));
        let measured: Vec<f64> = (1..=19).map(f64::from).collect();
        let interval = PredictionInterval::fit(&[2.0; 19], &measured, 0.8, "nineteen").unwrap();
        assert_eq!((interval.low, interval.high), (1.0, 9.0));
        assert_eq!(interval.around(10.0), (10.0, 90.0));
    }

    #[test]
    fn too_few_or_useless_ratios_promise_nothing() {
        assert!(PredictionInterval::fit(&[1.0; 8], &[1.0; 8], 0.8, "").is_none());
        assert!(PredictionInterval::fit(&[1.0; 9], &[1.0; 9], 0.8, "").is_some());
        assert!(PredictionInterval::fit(&[0.0; 9], &[1.0; 9], 0.8, "").is_none());
        assert!(PredictionInterval::fit(&[1.0; 9], &[f64::NAN; 9], 0.8, "").is_none());
        assert!(PredictionInterval::fit(&[1.0; 9], &[1.0; 10], 0.8, "").is_none());
        assert!(PredictionInterval::fit(&[1.0; 9], &[1.0; 9], 1.0, "").is_none());
    }

    /// Calibration sets of 40 skewed ratios, many times: the mean coverage is what was promised.
    #[test]
    fn covers_what_it_promises() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut draw = |n: usize| -> Vec<f64> {
            (0..n).map(|_| (rng.random::<f64>() - 0.3 + 0.5 * rng.random::<f64>().powi(3)).exp()).collect()
        };
        let coverages = (0..200).map(|_| {
            let interval = PredictionInterval::fit(&[1.0; 40], &draw(40), 0.8, "simulated").unwrap();
            let (low, high) = ([interval.low; 500], [interval.high; 500]);
            Calibration::new(&low, &high, &draw(500)[..], 0.8, "").unwrap().coverage
        });
        let mean = coverages.sum::<f64>() / 200.0;
        assert!((0.8..0.83).contains(&mean), "{mean}");
    }
}
