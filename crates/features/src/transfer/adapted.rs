//! A device that was measured a few times.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::{DevicePrior, Trust, median};
use crate::{Error, Result};

/// Degrees of freedom of the noise: one measurement in ten may be far off without dragging the rest along.
const FREEDOM: f64 = 4.0;
/// Rounds in which the noise of each measurement settles.
const ROUNDS: usize = 8;
/// Members of the average with a smaller share of the evidence are left out.
const NEGLIGIBLE: f64 = 1e-3;

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Position of the network in the prior.
    pub network: usize,
    /// Its time in ms.
    pub ms: f64,
}

/// A prediction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Expected time in ms.
    pub ms: f64,
    /// Standard deviation of a measurement of it, in ms.
    pub deviation: f64,
}

/// The posterior of a device, for every network of its [`DevicePrior`].
#[derive(Clone, Debug)]
pub struct Adapted<'a> {
    prior: &'a DevicePrior,
    /// Mean time of the device in ms.
    scale: f64,
    /// Positions of the measured networks.
    measured: Vec<usize>,
    members: Vec<Member>,
}

/// The posterior under one member of the grid.
#[derive(Clone, Debug)]
struct Member {
    trust: Trust,
    /// Variance of a new measurement in relative times.
    noise: f64,
    share: f64,
    /// Of the columns.
    weights: DVector<f64>,
    /// Columns of the measured networks.
    at: DMatrix<f64>,
    factor: Cholesky<f64, Dyn>,
}

impl DevicePrior {
    /// The device on which `samples` were measured. Where every sample is a whole number of milliseconds, rounding is
    /// taken for part of the noise.
    ///
    /// # Errors
    /// No samples; times that are not positive and finite; networks it does not know.
    pub fn adapt(&self, samples: &[Sample]) -> Result<Adapted<'_>> {
        self.adapt_with(samples, &Trust::grid())
    }

    /// As [`adapt`](Self::adapt) with another grid, for ablations.
    ///
    /// # Errors
    /// As [`adapt`](Self::adapt); an empty grid.
    pub fn adapt_with(&self, samples: &[Sample], grid: &[Trust]) -> Result<Adapted<'_>> {
        if samples.is_empty() || grid.is_empty() {
            return Err(Error::TooFew { what: "a device", samples: 0, needed: 1 });
        }
        self.check(samples.iter().map(|s| s.network))?;
        if let Some(sample) = samples.iter().position(|s| !(s.ms.is_finite() && s.ms > 0.0)) {
            return Err(Error::Value { what: "the time", sample, value: samples[sample].ms });
        }
        let scale = self.scale(samples)?;
        let measured: Vec<usize> = samples.iter().map(|s| s.network).collect();
        let rest = samples.iter().map(|s| s.ms / scale - self.mean[s.network]);
        let rest = DVector::from_iterator(samples.len(), rest);
        let whole = samples.iter().all(|s| (s.ms - s.ms.round()).abs() < 1e-9);
        let rounding = if whole { (1.0 / scale).powi(2) / 12.0 } else { 0.0 };
        let members = grid.iter().map(|&trust| {
            let noise = trust.noise.powi(2) + rounding;
            Member::fit(self.columns(&measured, trust), &rest, trust, noise)
        });
        let members: Vec<(Member, f64)> = members.collect::<Result<_>>()?;
        let best = members.iter().map(|(_, evidence)| *evidence).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = members.iter().map(|(_, evidence)| (evidence - best).exp()).sum();
        let members =
            members.into_iter().map(|(member, evidence)| Member { share: (evidence - best).exp() / total, ..member });
        let mut members: Vec<Member> = members.filter(|member| member.share > NEGLIGIBLE).collect();
        let kept: f64 = members.iter().map(|member| member.share).sum();
        members.iter_mut().for_each(|member| member.share /= kept);
        Ok(Adapted { prior: self, scale, measured, members })
    }

    /// Median of time over average relative time.
    fn scale(&self, samples: &[Sample]) -> Result<f64> {
        let scale = median(samples.iter().map(|s| s.ms / self.mean[s.network]));
        if scale.is_finite() && scale > 0.0 {
            return Ok(scale);
        }
        Err(Error::Value { what: "time over the average of known devices", sample: 0, value: scale })
    }
}

impl Member {
    /// With its log evidence. Student-t noise by expectation–maximisation: a measurement far from what the others say
    /// gets more variance.
    fn fit(at: DMatrix<f64>, rest: &DVector<f64>, trust: Trust, noise: f64) -> Result<(Self, f64)> {
        let prior = &at * at.transpose();
        let mut variance = DVector::from_element(rest.len(), noise);
        for _ in 0..ROUNDS {
            let factor = factor(&prior, &variance)?;
            let fitted = &prior * factor.solve(rest);
            let left = &prior - &prior * factor.solve(&prior);
            for i in 0..rest.len() {
                let square = (rest[i] - fitted[i]).powi(2) + left[(i, i)].max(0.0);
                variance[i] = noise * (FREEDOM + square / noise) / (FREEDOM + 1.0);
            }
        }
        let factor = factor(&prior, &variance)?;
        let solved = factor.solve(rest);
        let evidence = -0.5 * rest.dot(&solved) - factor.l_dirty().diagonal().map(f64::ln).sum();
        Ok((Self { trust, noise, share: 0.0, weights: at.tr_mul(&solved), at, factor }, evidence))
    }
}

fn factor(prior: &DMatrix<f64>, variance: &DVector<f64>) -> Result<Cholesky<f64, Dyn>> {
    let covariance = prior + DMatrix::from_diagonal(variance);
    Cholesky::new(covariance).ok_or_else(|| Error::Library {
        library: "nalgebra",
        message: "covariance of measurements: not positive definite".into(),
    })
}

impl Adapted<'_> {
    /// Positions of the networks that were measured.
    pub fn measured(&self) -> &[usize] {
        &self.measured
    }

    /// Time of a network.
    ///
    /// # Errors
    /// A network the prior does not know.
    pub fn predict(&self, network: usize) -> Result<Estimate> {
        self.prior.check(std::iter::once(network))?;
        let (mut mean, mut square) = (0.0, 0.0);
        for member in &self.members {
            let columns = self.prior.columns(&[network], member.trust);
            let at = self.prior.mean[network] + columns.row(0).transpose().dot(&member.weights);
            let covariance = &member.at * columns.transpose();
            let explained = covariance.dot(&member.factor.solve(&covariance));
            let variance = (columns.norm_squared() - explained).max(0.0) + member.noise;
            mean += member.share * at;
            square += member.share * (variance + at * at);
        }
        let deviation = (square - mean * mean).max(0.0).sqrt();
        Ok(Estimate { ms: self.scale * mean, deviation: self.scale * deviation })
    }

    /// Expected times of every network in ms, without their deviations.
    pub fn predict_all(&self) -> Vec<f64> {
        let prior = self.prior;
        let scale = 1.0 / (prior.costs.ncols().max(1) as f64).sqrt();
        let devices = prior.devices.ncols();
        let mut mean = prior.mean.clone();
        for Member { trust, share, weights, .. } in &self.members {
            mean += &prior.mean * (share * weights[0]);
            mean.add_scalar_mut(share * weights[1]);
            mean += &prior.devices * weights.rows(2, devices) * (share * trust.devices);
            mean += &prior.costs * weights.rows(2 + devices, prior.costs.ncols()) * (share * trust.costs * scale);
        }
        (mean * self.scale).iter().copied().collect()
    }
}
