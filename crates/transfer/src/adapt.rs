//! What methods that predict a new device from a few measurements have in common.

use crate::{Error, Result, statistics::median};

/// Standard deviations of an interval that holds 80 % of a normal distribution.
const DEVIATIONS: f64 = 1.2816;

/// One measurement on the new device. Networks go by number: their place in what a method was made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// Number of the network.
    pub network: usize,
    /// Its time in ms.
    pub ms: f64,
}

/// A predicted time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The expected time in ms; where the method works on logarithms, the median.
    pub ms: f64,
    /// Least time of what a measurement lies within in 80 of 100 cases, in ms.
    pub low: f64,
    /// Greatest such time.
    pub high: f64,
}

impl Estimate {
    /// Around a mean in ms with a standard deviation in ms.
    pub(crate) fn normal(ms: f64, deviation: f64) -> Self {
        let around = DEVIATIONS * deviation;
        Self { ms, low: (ms - around).max(0.0), high: ms + around }
    }

    /// Around a median in ms with a standard deviation of ln t.
    pub(crate) fn log_normal(ms: f64, deviation: f64) -> Self {
        let around = (DEVIATIONS * deviation).exp();
        Self { ms, low: ms / around, high: ms * around }
    }

    pub(crate) fn times(self, factor: f64) -> Self {
        Self { ms: factor * self.ms, low: factor * self.low, high: factor * self.high }
    }
}

/// A prior over devices for a list of networks: it predicts a new device from a few measurements made on it.
pub trait Transfer {
    /// How many networks it knows.
    fn networks(&self) -> usize;

    /// The device on which `observations` were made.
    ///
    /// # Errors
    /// No observations; times that are not positive and finite; networks it does not know.
    fn adapt<'a>(&'a self, observations: &[Observation]) -> Result<Box<dyn Posterior + 'a>>;
}

/// A device of which a few networks are measured.
pub trait Posterior {
    /// Time of a network, measured or not.
    ///
    /// # Errors
    /// A network that the prior does not know.
    fn predict(&self, network: usize) -> Result<Estimate>;

    /// Expected times of all networks in ms, which is faster than their intervals.
    fn predict_all(&self) -> Vec<f64>;
}

/// How far off observations are when they are predicted from each other.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossValidation {
    /// Parts, of which each was left out once.
    pub folds: usize,
    /// What was predicted of each observation, in their order.
    pub estimates: Vec<Estimate>,
    /// Mean of |predicted / measured − 1|.
    pub mape: f64,
    /// Its median.
    pub median_ape: f64,
    /// Share of observations within the intervals of their estimates, which should be 0.8.
    pub covered: f64,
}

/// Predicts each of `observations` from those of other folds. The i-th is in fold i modulo `folds`; there are at most as
/// many folds as observations.
///
/// # Errors
/// Fewer than two observations or folds; otherwise as [`Transfer::adapt`].
pub fn cross_validate(prior: &dyn Transfer, observations: &[Observation], folds: usize) -> Result<CrossValidation> {
    let folds = folds.min(observations.len());
    if folds < 2 {
        return Err(Error::TooFew { what: "a cross-validation", samples: folds, needed: 2 });
    }
    let mut estimates = vec![Estimate::normal(f64::NAN, 0.0); observations.len()];
    for fold in 0..folds {
        let (held, others): (Vec<_>, Vec<_>) = observations.iter().enumerate().partition(|(i, _)| i % folds == fold);
        let device = prior.adapt(&others.into_iter().map(|(_, observation)| *observation).collect::<Vec<_>>())?;
        for (i, observation) in held {
            estimates[i] = device.predict(observation.network)?;
        }
    }
    let pairs = || estimates.iter().zip(observations);
    let errors: Vec<f64> = pairs().map(|(estimate, o)| (estimate.ms / o.ms - 1.0).abs()).collect();
    let covered = pairs().filter(|(estimate, o)| (estimate.low..=estimate.high).contains(&o.ms)).count();
    let n = observations.len() as f64;
    let (mape, covered) = (errors.iter().sum::<f64>() / n, covered as f64 / n);
    Ok(CrossValidation { folds, mape, median_ape: median(errors), covered, estimates })
}

/// What every method checks of observations first; `networks` is how many it knows.
pub(crate) fn check(observations: &[Observation], networks: usize) -> Result<()> {
    if observations.is_empty() {
        return Err(Error::TooFew { what: "a device", samples: 0, needed: 1 });
    }
    for (sample, &Observation { network, ms }) in observations.iter().enumerate() {
        known(network, networks)?;
        if !(ms.is_finite() && ms > 0.0) {
            return Err(Error::Value { what: "the time", sample, value: ms });
        }
    }
    Ok(())
}

/// Refuses a network from `networks` on.
pub(crate) fn known(network: usize, networks: usize) -> Result<()> {
    if network < networks {
        return Ok(());
    }
    Err(Error::Mismatch { what: "position of a network", found: network, expected: networks })
}

/// Refuses to choose more than there are, and networks that are not known.
pub(crate) fn check_candidates(candidates: &[usize], count: usize, networks: usize) -> Result<()> {
    if count > candidates.len() {
        return Err(Error::TooFew { what: "a choice", samples: candidates.len(), needed: count });
    }
    candidates.iter().try_for_each(|&network| known(network, networks))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MedianRatio;

    #[test]
    fn each_observation_is_predicted_from_the_others() {
        let prior = MedianRatio::new(vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        let observations: Vec<Observation> =
            [10.0, 20.0, 30.0, 80.0].iter().enumerate().map(|(network, &ms)| Observation { network, ms }).collect();
        let found = cross_validate(&prior, &observations, 10).unwrap();
        // Of the last, whose ratio is 20, the others say 10; of the others the median of (10, 10, 20) is 10.
        let ms: Vec<f64> = found.estimates.iter().map(|e| e.ms).collect();
        assert_eq!(ms, [10.0, 20.0, 30.0, 40.0]);
        assert_eq!((found.folds, found.mape, found.median_ape, found.covered), (4, 0.125, 0.0, 0.75));
        let two = cross_validate(&prior, &observations, 2).unwrap();
        assert_eq!(two.estimates[0].ms, 15.0, "from networks 1 and 3, of ratios 10 and 20");
        assert!(cross_validate(&prior, &observations[..1], 10).is_err());
    }
}
