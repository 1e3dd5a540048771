//! A device that was measured a few times.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::{DevicePrior, Trust};
use crate::{
    Error, Estimate, Observation, Posterior, Result, adapt,
    statistics::{cholesky, median},
};

/// Degrees of freedom of the noise: one observation in ten may be far off without dragging the others along.
const FREEDOM: f64 = 4.0;
/// Rounds in which the noise of each observation settles.
const ROUNDS: usize = 8;
/// Members of the average with a smaller share of the evidence are left out.
const NEGLIGIBLE: f64 = 1e-3;

/// The posterior of a device, for every network of its [`DevicePrior`].
#[derive(Clone, Debug)]
pub struct DevicePosterior<'a> {
    prior: &'a DevicePrior,
    /// Mean time of the device in ms.
    scale: f64,
    members: Vec<Member>,
}

/// The posterior under one member of the grid.
#[derive(Clone, Debug)]
struct Member {
    trust: Trust,
    /// Variance of a new measurement in relative times.
    noise: f64,
    /// Of the evidence.
    share: f64,
    /// Mean weights of the columns.
    weights: DVector<f64>,
    /// Columns of the measured networks.
    measured: DMatrix<f64>,
    /// Of the covariance of the observations.
    factor: Cholesky<f64, Dyn>,
}

impl<'a> DevicePosterior<'a> {
    pub fn new(prior: &'a DevicePrior, observations: &[Observation], grid: &[Trust]) -> Result<Self> {
        if grid.is_empty() {
            return Err(Error::TooFew { what: "an average over a grid", samples: 0, needed: 1 });
        }
        adapt::check(observations, prior.mean.len())?;
        let scale = scale(prior, observations)?;
        let networks: Vec<usize> = observations.iter().map(|o| o.network).collect();
        let residuals = observations.iter().map(|o| o.ms / scale - prior.mean[o.network]);
        let residual = DVector::from_iterator(observations.len(), residuals);
        // Rounded to whole milliseconds, a time is off by a uniform number in ±½, whose variance is 1/12.
        let whole = observations.iter().all(|o| (o.ms - o.ms.round()).abs() < 1e-9);
        let rounding = if whole { (1.0 / scale).powi(2) / 12.0 } else { 0.0 };
        let fit = |&trust: &Trust| {
            let noise = trust.noise.powi(2) + rounding;
            Member::fit(prior.columns(&networks, trust), &residual, trust, noise)
        };
        let members = shares(grid.iter().map(fit).collect::<Result<_>>()?);
        Ok(Self { prior, scale, members })
    }
}

/// Median of time over average relative time.
fn scale(prior: &DevicePrior, observations: &[Observation]) -> Result<f64> {
    let scale = median(observations.iter().map(|o| o.ms / prior.mean[o.network]));
    if scale.is_finite() && scale > 0.0 {
        return Ok(scale);
    }
    Err(Error::Value { what: "time over the average of known devices", sample: 0, value: scale })
}

/// Members with their shares of the evidence, from their log evidence.
fn shares(members: Vec<(Member, f64)>) -> Vec<Member> {
    let best = members.iter().map(|(_, evidence)| *evidence).fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = members.iter().map(|(_, evidence)| (evidence - best).exp()).sum();
    let members =
        members.into_iter().map(|(member, evidence)| Member { share: (evidence - best).exp() / total, ..member });
    let mut members: Vec<Member> = members.filter(|member| member.share > NEGLIGIBLE).collect();
    let kept: f64 = members.iter().map(|member| member.share).sum();
    members.iter_mut().for_each(|member| member.share /= kept);
    members
}

impl Member {
    /// With its log evidence. Student-t noise by expectation–maximisation: an observation far from what the others say
    /// gets more variance.
    fn fit(measured: DMatrix<f64>, residual: &DVector<f64>, trust: Trust, noise: f64) -> Result<(Self, f64)> {
        let prior = &measured * measured.transpose();
        let mut variance = DVector::from_element(residual.len(), noise);
        for _ in 0..ROUNDS {
            let factor = factor(&prior, &variance)?;
            let fitted = &prior * factor.solve(residual);
            let posterior = &prior - &prior * factor.solve(&prior);
            for i in 0..residual.len() {
                let square = (residual[i] - fitted[i]).powi(2) + posterior[(i, i)].max(0.0);
                variance[i] = noise * (FREEDOM + square / noise) / (FREEDOM + 1.0);
            }
        }
        let factor = factor(&prior, &variance)?;
        let solved = factor.solve(residual);
        let evidence = -0.5 * residual.dot(&solved) - factor.l_dirty().diagonal().map(f64::ln).sum();
        Ok((Self { trust, noise, share: 0.0, weights: measured.tr_mul(&solved), measured, factor }, evidence))
    }
}

fn factor(prior: &DMatrix<f64>, variance: &DVector<f64>) -> Result<Cholesky<f64, Dyn>> {
    cholesky("covariance of measurements", prior + DMatrix::from_diagonal(variance))
}

impl Posterior for DevicePosterior<'_> {
    fn predict(&self, network: usize) -> Result<Estimate> {
        adapt::known(network, self.prior.mean.len())?;
        // Mean and variance of the mixture of all members.
        let (mut mean, mut square) = (0.0, 0.0);
        for member in &self.members {
            let columns = self.prior.columns(&[network], member.trust);
            let expected = self.prior.mean[network] + columns.row(0).transpose().dot(&member.weights);
            let covariance = &member.measured * columns.transpose();
            let explained = covariance.dot(&member.factor.solve(&covariance));
            let variance = (columns.norm_squared() - explained).max(0.0) + member.noise;
            mean += member.share * expected;
            square += member.share * (variance + expected * expected);
        }
        let deviation = (square - mean * mean).max(0.0).sqrt();
        Ok(Estimate::normal(self.scale * mean, self.scale * deviation))
    }

    fn predict_all(&self) -> Vec<f64> {
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
