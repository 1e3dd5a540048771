//! Logarithms of times as a Gaussian over networks.

use nalgebra::{DMatrix, DVector};

use crate::{
    Error, Estimate, Observation, Posterior, Result, Transfer, adapt,
    statistics::{cholesky, standardised},
};

/// Rounds of expectation–maximisation.
const ROUNDS: usize = 12;
/// Rounds in which the noise of each observation settles.
const NOISE_ROUNDS: usize = 8;
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
    /// Fewer than two devices; times that are not positive and finite; numbers of networks from `networks` on.
    pub fn from_devices(devices: &[Vec<Observation>], networks: usize, noise: f64) -> Result<Self> {
        if devices.len() < 2 || networks == 0 {
            return Err(Error::TooFew { what: "a Gaussian over networks", samples: devices.len(), needed: 2 });
        }
        let logs = devices.iter().map(|observations| logs(observations, networks)).collect::<Result<Vec<_>>>()?;
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
            // A constant of variance 100 lets the device be of any speed.
            100.0 + scales.smooth.powi(2) * (-0.5 * distance / scales.length.powi(2)).exp()
        });
        Ok(Self::around_zero(covariance, scales.noise))
    }

    pub(crate) fn around_zero(covariance: DMatrix<f64>, noise: f64) -> Self {
        Self { mean: DVector::zeros(covariance.nrows()), covariance, noise: noise.powi(2) }
    }

    /// One round of expectation–maximisation.
    fn improve(&self, devices: &[Vec<(usize, f64)>]) -> Result<Self> {
        let networks = self.mean.len();
        let (mut scatter, mut total) = (DMatrix::zeros(networks, networks), 0.0);
        let mut posteriors = Vec::with_capacity(devices.len());
        for device in devices {
            let cross = self.cross_covariance(device);
            let Conditioned { weights, gain, residual } = self.condition(device, None)?;
            // How many devices of its kind this one counts for: the t distribution's weight.
            let count = (FREEDOM + residual.len() as f64) / (FREEDOM + residual.dot(&weights).max(0.0));
            scatter += &self.covariance - gain.transpose() * &cross;
            posteriors.push((count, cross.tr_mul(&weights)));
            total += count;
        }
        let zero = DVector::zeros(networks);
        let shift =
            posteriors.iter().fold(zero, |sum, (count, mean)| sum + mean * *count) / total.max(f64::MIN_POSITIVE);
        for (count, mean) in &posteriors {
            let deviation = mean - &shift;
            scatter += &deviation * deviation.transpose() * *count;
        }
        let covariance = (scatter + believed(networks) * BELIEF) / (devices.len() as f64 + BELIEF);
        let covariance = (&covariance + covariance.transpose()) * 0.5;
        Ok(Self { mean: &self.mean + shift, covariance, noise: self.noise })
    }

    /// Covariance of measured networks with all: (measured, networks).
    fn cross_covariance(&self, measured: &[(usize, f64)]) -> DMatrix<f64> {
        DMatrix::from_fn(measured.len(), self.mean.len(), |i, j| self.covariance[(measured[i].0, j)])
    }

    /// `noise` is the variance of each observation.
    fn condition(&self, measured: &[(usize, f64)], noise: Option<&DVector<f64>>) -> Result<Conditioned> {
        let n = measured.len();
        let residual = DVector::from_iterator(n, measured.iter().map(|&(network, log)| log - self.mean[network]));
        let noise_of = |i: usize| noise.map_or(self.noise, |noise| noise[i]);
        let covariance = DMatrix::from_fn(n, n, |i, j| {
            self.covariance[(measured[i].0, measured[j].0)] + if i == j { noise_of(i) } else { 0.0 }
        });
        let factor = cholesky("covariance of measurements", covariance)?;
        let gain = factor.solve(&self.cross_covariance(measured));
        Ok(Conditioned { weights: factor.solve(&residual), gain, residual })
    }

    /// Chooses `count` of `candidates` to measure, as [`DevicePrior::select`](crate::DevicePrior::select) does.
    ///
    /// # Errors
    /// More to choose than there are candidates; a network it does not know.
    pub fn select(&self, candidates: &[usize], count: usize) -> Result<Vec<usize>> {
        adapt::check_candidates(candidates, count, self.networks())?;
        let n = candidates.len();
        let mut covariance = DMatrix::from_fn(n, n, |i, j| self.covariance[(candidates[i], candidates[j])]);
        let mut chosen: Vec<usize> = Vec::with_capacity(count);
        for _ in 0..count {
            let explained = |i: usize| covariance.column(i).norm_squared() / (covariance[(i, i)] + self.noise);
            let open = (0..n).filter(|i| !chosen.contains(i));
            let Some(best) = open.max_by(|&a, &b| explained(a).total_cmp(&explained(b))) else { break };
            let column = covariance.column(best).clone_owned();
            covariance -= &column * column.transpose() / (column[best] + self.noise);
            chosen.push(best);
        }
        Ok(chosen.into_iter().map(|i| candidates[i]).collect())
    }
}

/// For K, the covariance of observations with their noise, C, that of measured networks with all, and r, the residual of
/// the observations around the mean.
struct Conditioned {
    /// K⁻¹ r.
    weights: DVector<f64>,
    /// K⁻¹ C.
    gain: DMatrix<f64>,
    /// r.
    residual: DVector<f64>,
}

/// A device in logarithms.
struct LogPosterior {
    /// Of ln t.
    mean: DVector<f64>,
    /// Standard deviation of a measurement of ln t.
    deviation: DVector<f64>,
}

impl Transfer for LogGaussian {
    fn networks(&self) -> usize {
        self.mean.len()
    }

    /// Noise is Student's t, so that one measurement far off does not decide.
    fn adapt<'a>(&'a self, observations: &[Observation]) -> Result<Box<dyn Posterior + 'a>> {
        adapt::check(observations, self.networks())?;
        let measured = logs(observations, self.networks())?;
        let cross = self.cross_covariance(&measured);
        let mut noise = DVector::from_element(measured.len(), self.noise);
        let mut posterior = LogPosterior { mean: self.mean.clone(), deviation: DVector::zeros(self.mean.len()) };
        for _ in 0..NOISE_ROUNDS {
            let Conditioned { weights, gain, residual } = self.condition(&measured, Some(&noise))?;
            let shift = cross.tr_mul(&weights);
            let variance = DVector::from_fn(self.mean.len(), |network, _| {
                (self.covariance[(network, network)] - gain.column(network).dot(&cross.column(network))).max(0.0)
            });
            for (i, &(network, _)) in measured.iter().enumerate() {
                let square = (residual[i] - shift[network]).powi(2) + variance[network];
                noise[i] = self.noise * (FREEDOM + square / self.noise) / (FREEDOM + 1.0);
            }
            posterior.mean = &self.mean + shift;
            posterior.deviation = variance.map(|variance| (variance + self.noise).sqrt());
        }
        Ok(Box::new(posterior))
    }
}

impl Posterior for LogPosterior {
    fn predict(&self, network: usize) -> Result<Estimate> {
        adapt::known(network, self.mean.len())?;
        Ok(Estimate::log_normal(self.mean[network].exp(), self.deviation[network]))
    }

    fn predict_all(&self) -> Vec<f64> {
        self.mean.iter().map(|log| log.exp()).collect()
    }
}

fn believed(networks: usize) -> DMatrix<f64> {
    DMatrix::from_fn(networks, networks, |i, j| BETWEEN + if i == j { ALONE } else { 0.0 })
}

/// Mean of each network, of how far it is from the mean of its device, plus the mean of all.
fn average(devices: &[Vec<(usize, f64)>], networks: usize) -> DVector<f64> {
    let (mut sums, mut counts) = (DVector::<f64>::zeros(networks), DVector::<f64>::zeros(networks));
    let (mut overall, mut all) = (0.0, 0.0);
    for device in devices {
        let mean = device.iter().map(|(_, log)| log).sum::<f64>() / device.len().max(1) as f64;
        for &(network, log) in device {
            sums[network] += log - mean;
            counts[network] += 1.0;
        }
        overall += mean;
        all += 1.0;
    }
    DVector::from_fn(networks, |i, _| overall / all + sums[i] / counts[i].max(1.0))
}

/// Observations as logarithms; there may be none.
pub(crate) fn logs(observations: &[Observation], networks: usize) -> Result<Vec<(usize, f64)>> {
    if !observations.is_empty() {
        adapt::check(observations, networks)?;
    }
    Ok(observations.iter().map(|o| (o.network, o.ms.ln())).collect())
}

#[cfg(test)]
mod tests;
