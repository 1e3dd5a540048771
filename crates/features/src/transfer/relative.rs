//! A new device by way of one like it, such as the last generation of a card.

use super::{
    CrossValidation, LogGaussian, Sample, cross_validate, median,
    rates::{RatePrior, Rates},
};
use crate::Result;

/// Standard deviation of the logarithm of a rate relative to the other device.
const DEPARTURE: f64 = 0.1;
/// Standard deviation of what rates do not explain, in logarithms of times.
const NOISE: f64 = 0.07;

/// Networks that a device measured, to be predicted on another that is like it: their times there, scaled by what the new
/// device takes for what they spend their time on ([`Rates::relative`]).
#[derive(Clone, Debug)]
pub struct Relative {
    /// On the device that is known.
    times: Vec<f64>,
    gaussian: LogGaussian,
}

impl Relative {
    /// From the times in ms of networks of `costs` on the known device; `prior` says what they spend it on.
    ///
    /// # Errors
    /// No network; times that are not positive and finite; costs of another length, negative ones, or none.
    pub fn new(prior: &RatePrior, times: &[f64], costs: &[Vec<f64>]) -> Result<Self> {
        let samples: Vec<Sample> = times.iter().enumerate().map(|(network, &ms)| Sample { network, ms }).collect();
        let rates: Rates = prior.adapt(&samples, costs)?;
        Ok(Self { times: times.to_vec(), gaussian: rates.relative(costs, DEPARTURE, NOISE)? })
    }

    /// The `count` networks that are worth most when measured on the new device.
    ///
    /// # Errors
    /// More than there are.
    pub fn select(&self, count: usize) -> Result<Vec<usize>> {
        self.gaussian.select(&(0..self.times.len()).collect::<Vec<_>>(), count)
    }

    /// Times in ms of every network on the device of `samples`.
    ///
    /// # Errors
    /// No samples; times that are not positive and finite; networks that are not known.
    pub fn adapt(&self, samples: &[Sample]) -> Result<Vec<f64>> {
        let factors = self.gaussian.adapt(&self.ratios(samples))?;
        Ok(factors.iter().zip(&self.times).map(|(factor, time)| factor * time).collect())
    }

    /// How far off `samples` are when predicted from each other, and when all times are scaled by their median ratio.
    ///
    /// # Errors
    /// Fewer than two samples; otherwise as [`adapt`](Self::adapt).
    pub fn cross_validate(&self, samples: &[Sample]) -> Result<(CrossValidation, CrossValidation)> {
        let own = cross_validate(samples, |known, held| {
            let times = self.adapt(known)?;
            Ok(held.iter().map(|sample| times[sample.network]).collect())
        })?;
        let scaled = cross_validate(samples, |known, held| {
            let ratio = median(self.ratios(known).iter().map(|ratio| ratio.ms));
            Ok(held.iter().map(|sample| ratio * self.times[sample.network]).collect())
        })?;
        Ok((own, scaled))
    }

    fn ratios(&self, samples: &[Sample]) -> Vec<Sample> {
        let time = |network: usize| self.times.get(network).copied().unwrap_or(f64::NAN);
        samples.iter().map(|s| Sample { ms: s.ms / time(s.network), ..*s }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::rates::Column;

    #[test]
    fn a_card_twice_as_fast_with_slower_memory() {
        let columns = Column::all().len();
        let costs: Vec<Vec<f64>> = (0..30)
            .map(|i| {
                let mut row = vec![0.0; columns];
                (row[0], row[1]) = (1.0, f64::from(1 + i % 7));
                row
            })
            .collect();
        let old: Vec<f64> = costs.iter().map(|c| 2.0 * c[0] + c[1]).collect();
        let new: Vec<f64> = costs.iter().map(|c| c[0] + 0.6 * c[1]).collect();
        let relative = Relative::new(&RatePrior::gpu(), &old, &costs).unwrap();
        let chosen = relative.select(4).unwrap();
        let samples: Vec<Sample> = chosen.iter().map(|&network| Sample { network, ms: new[network] }).collect();
        let predicted = relative.adapt(&samples).unwrap();
        assert!(predicted.iter().zip(&new).all(|(p, n)| (p / n - 1.0).abs() < 0.03), "{predicted:?}");
        let all: Vec<Sample> = (0..30).map(|network| Sample { network, ms: new[network] }).collect();
        let (own, scaled) = relative.cross_validate(&all).unwrap();
        assert!(own.mape < scaled.mape && scaled.mape < 0.1, "{own:?} {scaled:?}");
        assert!(relative.adapt(&[Sample { network: 99, ms: 1.0 }]).is_err());
    }
}
