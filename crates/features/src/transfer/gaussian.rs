//! Logarithms of times as a Gaussian over networks.

use nalgebra::{Cholesky, DMatrix, DVector};

use super::{Sample, standardised};
use crate::{Error, Result};

/// Rounds of expectation–maximisation.
const ROUNDS: usize = 12;
/// Devices' worth of belief in the covariance before any device is seen.
const BELIEF: f64 = 5.0;
/// Variance of log time between devices, and of a network alone, in that belief.
const BETWEEN: f64 = 1.0;
const ALONE: f64 = 0.02;
/// Degrees of freedom of the noise of a measurement.
const FREEDOM: f64 = 4.0;

/// ln t over networks, ~ N(mean, covariance) for a device drawn at random. For networks whose times span orders of
/// magnitude and devices that measured only some of them.
#[derive(Clone, Debug)]
pub struct LogGaussian {
    mean: DVector<f64>,
    covariance: DMatrix<f64>,
    /// Variance of the noise of a measurement.
    noise: f64,
}

/// Scales of [`LogGaussian::from_columns`], as standard deviations of ln t.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scales {
    /// Of what is smooth in them (a squared-exponential kernel).
    pub smooth: f64,
    /// Distance in standardised columns, by root mean square, over which it varies.
    pub length: f64,
    /// Of what columns do not say.
    pub noise: f64,
}

impl LogGaussian {
    /// From what each of `devices` measured, by expectation–maximisation over the missing times, with an inverse-Wishart
    /// prior: one speed for all networks, and a little of each alone. Devices far from the rest weigh less.
    /// `noise` is the standard deviation of a measurement of ln t.
    ///
    /// # Errors
    /// Fewer than two devices; times that are not positive and finite; positions from `networks` on.
    pub fn from_devices(devices: &[Vec<Sample>], networks: usize, noise: f64) -> Result<Self> {
        if devices.len() < 2 || networks == 0 {
            return Err(Error::TooFew { what: "a Gaussian over networks", samples: devices.len(), needed: 2 });
        }
        let logs = devices.iter().map(|samples| logs(samples, networks)).collect::<Result<Vec<_>>>()?;
        let mut fitted = Self { mean: average(&logs, networks), covariance: believed(networks), noise: noise.powi(2) };
        for _ in 0..ROUNDS {
            fitted = fitted.improve(&logs)?;
        }
        Ok(fitted)
    }

    /// From columns of networks alone: for one device, of which some networks are measured and the others wanted.
    ///
    /// # Errors
    /// Rows of different length; numbers that are not finite.
    pub fn from_columns(columns: &[Vec<f64>], scales: Scales) -> Result<Self> {
        let columns = standardised(columns)?;
        let (networks, width) = (columns.nrows(), columns.ncols().max(1) as f64);
        let products = &columns * columns.transpose() / width;
        let covariance = DMatrix::from_fn(networks, networks, |i, j| {
            let distance = products[(i, i)] + products[(j, j)] - 2.0 * products[(i, j)];
            100.0 + scales.smooth.powi(2) * (-0.5 * distance / scales.length.powi(2)).exp()
        });
        Ok(Self::of(covariance, scales.noise))
    }

    /// Around 0.
    pub(super) fn of(covariance: DMatrix<f64>, noise: f64) -> Self {
        Self { mean: DVector::zeros(covariance.nrows()), covariance, noise: noise.powi(2) }
    }

    /// One round of expectation–maximisation.
    fn improve(&self, devices: &[Vec<(usize, f64)>]) -> Result<Self> {
        let networks = self.mean.len();
        let (mut left, mut total) = (DMatrix::zeros(networks, networks), 0.0);
        let mut departures = Vec::with_capacity(devices.len());
        for device in devices {
            let (solved, gain, rest) = self.condition(device, None)?;
            // How many devices of its kind this one counts for: the t distribution's weight.
            let weight = (FREEDOM + rest.len() as f64) / (FREEDOM + rest.dot(&solved).max(0.0));
            left += &self.covariance - gain.transpose() * self.cross(device);
            departures.push((weight, self.cross(device).tr_mul(&solved)));
            total += weight;
        }
        let zero = DVector::zeros(networks);
        let shift = departures.iter().fold(zero, |sum, (weight, d)| sum + d * *weight) / total.max(f64::MIN_POSITIVE);
        for (weight, departure) in &departures {
            let departure = departure - &shift;
            left += &departure * departure.transpose() * *weight;
        }
        let covariance = (left + believed(networks) * BELIEF) / (devices.len() as f64 + BELIEF);
        let covariance = (&covariance + covariance.transpose()) * 0.5;
        Ok(Self { mean: &self.mean + shift, covariance, noise: self.noise })
    }

    /// Rows of the covariance that belong to measured networks.
    fn cross(&self, measured: &[(usize, f64)]) -> DMatrix<f64> {
        DMatrix::from_fn(measured.len(), self.mean.len(), |i, j| self.covariance[(measured[i].0, j)])
    }

    /// K⁻¹ r, K⁻¹ cross, and r, for the covariance K of measurements and what they have beyond the mean, r.
    fn condition(
        &self,
        measured: &[(usize, f64)],
        noise: Option<&DVector<f64>>,
    ) -> Result<(DVector<f64>, DMatrix<f64>, DVector<f64>)> {
        let n = measured.len();
        let rest = DVector::from_iterator(n, measured.iter().map(|&(network, log)| log - self.mean[network]));
        let own = |i: usize| noise.map_or(self.noise, |noise| noise[i]);
        let k = DMatrix::from_fn(n, n, |i, j| {
            self.covariance[(measured[i].0, measured[j].0)] + if i == j { own(i) } else { 0.0 }
        });
        let factor = Cholesky::new(k).ok_or_else(|| Error::Library {
            library: "nalgebra",
            message: "covariance of measurements: not positive definite".into(),
        })?;
        Ok((factor.solve(&rest), factor.solve(&self.cross(measured)), rest))
    }

    /// Times of every network in ms (medians) on the device of `samples`. Noise is Student's t, so that one measurement
    /// far off does not decide.
    ///
    /// # Errors
    /// No samples; times that are not positive and finite; networks it does not know.
    pub fn adapt(&self, samples: &[Sample]) -> Result<Vec<f64>> {
        if samples.is_empty() {
            return Err(Error::TooFew { what: "a device", samples: 0, needed: 1 });
        }
        let measured = logs(samples, self.mean.len())?;
        let mut noise = DVector::from_element(measured.len(), self.noise);
        let mut predicted = self.mean.clone();
        for _ in 0..8 {
            let (solved, gain, rest) = self.condition(&measured, Some(&noise))?;
            let cross = self.cross(&measured);
            let departure = cross.tr_mul(&solved);
            for (i, &(network, _)) in measured.iter().enumerate() {
                let left = self.covariance[(network, network)] - gain.column(network).dot(&cross.column(network));
                let square = (rest[i] - departure[network]).powi(2) + left.max(0.0);
                noise[i] = self.noise * (FREEDOM + square / self.noise) / (FREEDOM + 1.0);
            }
            predicted = &self.mean + departure;
        }
        Ok(predicted.iter().map(|log| log.exp()).collect())
    }

    /// Chooses `count` of `candidates` to measure, as [`DevicePrior::select`](super::DevicePrior::select) does.
    ///
    /// # Errors
    /// More to choose than there are candidates; a network it does not know.
    pub fn select(&self, candidates: &[usize], count: usize) -> Result<Vec<usize>> {
        if count > candidates.len() {
            return Err(Error::TooFew { what: "a choice", samples: candidates.len(), needed: count });
        }
        let expected = self.mean.len();
        if let Some(&found) = candidates.iter().find(|&&c| c >= expected) {
            return Err(Error::Mismatch { what: "position of a network", found, expected });
        }
        let n = candidates.len();
        let mut left = DMatrix::from_fn(n, n, |i, j| self.covariance[(candidates[i], candidates[j])]);
        let mut chosen: Vec<usize> = Vec::with_capacity(count);
        for _ in 0..count {
            let gain = |i: usize| left.column(i).norm_squared() / (left[(i, i)] + self.noise);
            let open = (0..n).filter(|i| !chosen.contains(i));
            let Some(best) = open.max_by(|&a, &b| gain(a).total_cmp(&gain(b))) else { break };
            let column = left.column(best).clone_owned();
            left -= &column * column.transpose() / (column[best] + self.noise);
            chosen.push(best);
        }
        Ok(chosen.into_iter().map(|i| candidates[i]).collect())
    }
}

fn believed(networks: usize) -> DMatrix<f64> {
    DMatrix::from_fn(networks, networks, |i, j| BETWEEN + if i == j { ALONE } else { 0.0 })
}

/// Mean of each network, of what it has beyond the mean of its device, plus the mean of all.
fn average(devices: &[Vec<(usize, f64)>], networks: usize) -> DVector<f64> {
    let (mut sums, mut counts) = (DVector::<f64>::zeros(networks), DVector::<f64>::zeros(networks));
    let (mut overall, mut all) = (0.0, 0.0);
    for device in devices {
        let own = device.iter().map(|(_, log)| log).sum::<f64>() / device.len().max(1) as f64;
        for &(network, log) in device {
            sums[network] += log - own;
            counts[network] += 1.0;
        }
        overall += own;
        all += 1.0;
    }
    DVector::from_fn(networks, |i, _| overall / all + sums[i] / counts[i].max(1.0))
}

pub(super) fn logs(samples: &[Sample], networks: usize) -> Result<Vec<(usize, f64)>> {
    let check = |(sample, s): (usize, &Sample)| match s {
        Sample { network, .. } if *network >= networks => {
            Err(Error::Mismatch { what: "position of a network", found: *network, expected: networks })
        }
        Sample { ms, .. } if !(ms.is_finite() && *ms > 0.0) => {
            Err(Error::Value { what: "the time", sample, value: *ms })
        }
        Sample { network, ms } => Ok((*network, ms.ln())),
    };
    samples.iter().enumerate().map(check).collect()
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Devices that differ in speed and in one trait that every third network feels; each measured most networks.
    fn devices(count: usize, seed: u64) -> (Vec<Vec<Sample>>, Vec<Vec<f64>>) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let truth: Vec<Vec<f64>> = (0..count)
            .map(|_| {
                let (speed, felt) = (rng.random_range(-2.0..2.0f64), rng.random_range(-1.0..1.0f64));
                (0..12).map(|n| (speed + 0.3 * n as f64 + if n % 3 == 0 { felt } else { 0.0 }).exp()).collect()
            })
            .collect();
        let mut measured = |times: &Vec<f64>| -> Vec<Sample> {
            let all = times.iter().enumerate().map(|(network, &ms)| Sample { network, ms });
            all.filter(|_| rng.random_bool(0.8)).collect()
        };
        (truth.iter().map(&mut measured).collect(), truth)
    }

    fn error(predicted: &[f64], truth: &[f64]) -> f64 {
        predicted.iter().zip(truth).map(|(p, t)| (p / t - 1.0).abs()).sum::<f64>() / truth.len() as f64
    }

    #[test]
    fn a_device_is_known_by_a_few_networks() {
        let (measured, truth) = devices(80, 1);
        let fitted = LogGaussian::from_devices(&measured[1..], 12, 0.05).unwrap();
        let chosen = fitted.select(&(0..12).collect::<Vec<_>>(), 4).unwrap();
        assert!(chosen.iter().any(|n| n % 3 == 0) && chosen.iter().any(|n| n % 3 != 0), "{chosen:?}");
        let samples: Vec<Sample> = chosen.iter().map(|&network| Sample { network, ms: truth[0][network] }).collect();
        assert!(error(&fitted.adapt(&samples).unwrap(), &truth[0]) < 0.05);
    }

    #[test]
    fn networks_of_like_columns_take_like_times() {
        let columns: Vec<Vec<f64>> = (0..20).map(|i| vec![f64::from(i)]).collect();
        let truth: Vec<f64> = columns.iter().map(|c| (0.5 * (0.3 * c[0]).sin()).exp()).collect();
        let gaussian = LogGaussian::from_columns(&columns, Scales { smooth: 0.5, length: 0.5, noise: 0.05 }).unwrap();
        let others = (0..20).filter(|network| *network != 7);
        let samples: Vec<Sample> = others.map(|network| Sample { network, ms: truth[network] }).collect();
        assert!((gaussian.adapt(&samples).unwrap()[7] / truth[7] - 1.0).abs() < 0.02);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let one = |network, ms| vec![Sample { network, ms }];
        let fit = |samples: Vec<Sample>| LogGaussian::from_devices(&[one(0, 1.0), samples], 2, 0.1).map(drop);
        assert!(fit(one(2, 1.0)).unwrap_err().to_string().contains("position of a network"));
        assert!(fit(one(1, 0.0)).unwrap_err().to_string().contains("is 0"));
        assert!(LogGaussian::from_devices(&[], 2, 0.1).is_err());
    }
}
