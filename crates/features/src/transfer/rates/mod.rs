//! Times as sums over kinds of kernels, at rates that devices have in common.

mod columns;
#[cfg(test)]
mod tests;

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::{Sample, gaussian::logs, median};
use crate::{Error, Result};

pub use columns::{Column, Resource, costs};

/// Standard deviation of ln t around the sum, and degrees of freedom of its Student's t.
const NOISE: f64 = 0.2;
const FREEDOM: f64 = 4.0;
/// Rounds of Gauss–Newton, and the longest step of a logarithm in one.
const ROUNDS: usize = 30;
const STEP: f64 = 1.0;
const SETTLED: f64 = 1e-3;

/// Standard deviations of ln rate.
#[derive(Clone, Copy)]
struct Spread {
    /// Of all rates together.
    level: f64,
    /// Of a resource, for all kinds of kernels.
    resource: f64,
    /// Of a resource for one kind of kernel, with eight bits or not.
    kind: f64,
    /// Of all kernels of eight bits.
    int8: f64,
    /// Of a column alone.
    own: f64,
}

/// Of devices in general around equal rates, and of a device around those.
const GENERAL: Spread = Spread { level: 3.0, resource: 1.0, kind: 0.5, int8: 1.0, own: 0.5 };
const DEVICE: Spread = Spread { level: 3.0, resource: 0.7, kind: 0.3, int8: 1.0, own: 0.3 };

impl Spread {
    fn covariance(self, columns: &[Column]) -> DMatrix<f64> {
        DMatrix::from_fn(columns.len(), columns.len(), |i, j| {
            let (a, b) = (columns[i], columns[j]);
            let shared = |deviation: f64, is: bool| if is { deviation * deviation } else { 0.0 };
            let same = a.resource == b.resource;
            shared(self.level, true)
                + shared(self.resource, same)
                + shared(self.kind, same && a.kind == b.kind)
                + shared(self.int8, a.int8 && b.int8)
                + shared(self.own, i == j)
        })
    }
}

/// t = Σ r_c · cost_c over [`Column`]s, with a normal prior on ln r: what a kind of kernel, a resource and eight bits have
/// in common is as likely to differ as what is particular. Where a device was measured on few networks, or on none that
/// has some kind of kernel, the rates of other devices decide. All rates are positive, so that a network ten times larger
/// than any measured one takes about ten times as long.
///
/// ```
/// use tachograph_features::transfer::{Sample, rates::{Column, RatePrior}};
/// # fn main() -> tachograph_features::Result<()> {
/// // Three networks of two columns each; a device known on the first two.
/// let mut costs = vec![vec![0.0; Column::all().len()]; 3];
/// for (row, (launches, bytes)) in costs.iter_mut().zip([(1.0, 1.0), (1.0, 3.0), (1.0, 10.0)]) {
///     row[..2].copy_from_slice(&[launches, bytes]);
/// }
/// let known = [(0, 3.0), (1, 7.0)].map(|(network, ms)| Sample { network, ms });
/// let prior = RatePrior::learn(&[known.to_vec()], &costs)?;
/// let times = prior.adapt(&known, &costs)?;
/// assert!((times[2] / 21.0 - 1.0).abs() < 0.1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RatePrior {
    /// ln ms a unit, by column.
    mean: DVector<f64>,
    /// Of a device around it.
    precision: DMatrix<f64>,
}

impl RatePrior {
    /// Rates that fit the median device of `devices` (relative to its median time), each with what it measured;
    /// `costs[network]` are those of [`costs`].
    ///
    /// # Errors
    /// No device; times that are not positive and finite; networks without costs; costs of another length, negative ones,
    /// or a measured network that costs nothing.
    pub fn learn(devices: &[Vec<Sample>], costs: &[Vec<f64>]) -> Result<Self> {
        let columns = Column::all();
        let matrix = matrix(costs, columns.len())?;
        let measured = devices.iter().filter(|samples| !samples.is_empty());
        let devices = measured.map(|samples| logs(samples, costs.len())).collect::<Result<Vec<_>>>()?;
        let common = common(&devices, costs.len());
        if common.is_empty() {
            return Err(Error::TooFew { what: "rates of kernels", samples: 0, needed: 1 });
        }
        let equal = DVector::zeros(columns.len());
        let mean = fit(&matrix, &common, &equal, &inverse(GENERAL.covariance(&columns))?)?;
        Ok(Self { mean, precision: inverse(DEVICE.covariance(&columns))? })
    }

    /// Times in ms of every network of `costs` on the device of `samples`.
    ///
    /// # Errors
    /// No samples; otherwise as [`learn`](Self::learn).
    pub fn adapt(&self, samples: &[Sample], costs: &[Vec<f64>]) -> Result<Vec<f64>> {
        if samples.is_empty() {
            return Err(Error::TooFew { what: "rates of kernels", samples: 0, needed: 1 });
        }
        let matrix = matrix(costs, self.mean.len())?;
        let rates = fit(&matrix, &logs(samples, costs.len())?, &self.mean, &self.precision)?;
        Ok((matrix * rates.map(f64::exp)).iter().copied().collect())
    }
}

/// ln t of the networks on the median device, each device divided by its own speed.
fn common(devices: &[Vec<(usize, f64)>], networks: usize) -> Vec<(usize, f64)> {
    let mut by_network: Vec<Vec<(usize, f64)>> = vec![vec![]; networks];
    for (device, logs) in devices.iter().enumerate() {
        logs.iter().for_each(|&(network, log)| by_network[network].push((device, log)));
    }
    let mut speeds: Vec<f64> = devices.iter().map(|device| median(device.iter().map(|(_, log)| *log))).collect();
    let mut times = vec![];
    for _ in 0..10 {
        let of = |logs: &Vec<(usize, f64)>| median(logs.iter().map(|&(device, log)| log - speeds[device]));
        times = by_network.iter().map(of).collect();
        speeds = devices.iter().map(|device| median(device.iter().map(|&(n, log)| log - times[n]))).collect();
    }
    times.into_iter().enumerate().filter(|(_, time)| time.is_finite()).collect()
}

/// The most probable ln r by Gauss–Newton, from the prior's shifted to the level of what was measured.
fn fit(
    costs: &DMatrix<f64>,
    measured: &[(usize, f64)],
    mean: &DVector<f64>,
    precision: &DMatrix<f64>,
) -> Result<DVector<f64>> {
    let rows = costs.select_rows(measured.iter().map(|(network, _)| network));
    let times = DVector::from_iterator(measured.len(), measured.iter().map(|(_, log)| *log));
    let sum = |rates: &DVector<f64>| &rows * rates.map(f64::exp);
    let start = sum(mean);
    if let Some(at) = start.iter().position(|t| !(t.is_finite() && *t > 0.0)) {
        return Err(Error::Value { what: "the cost of the network", sample: measured[at].0, value: start[at] });
    }
    let mean = mean.add_scalar(median(times.iter().zip(&start).map(|(time, start)| time - start.ln())));
    let mut rates = mean.clone();
    for _ in 0..ROUNDS {
        let predicted = sum(&rates);
        let rest = &times - predicted.map(f64::ln);
        let weight = rest.map(|r| (FREEDOM + 1.0) / (FREEDOM * NOISE * NOISE + r * r));
        let shares = DMatrix::from_fn(rows.nrows(), rows.ncols(), |i, c| rows[(i, c)] * rates[c].exp() / predicted[i]);
        let weighted = DMatrix::from_diagonal(&weight) * &shares;
        let slope = weighted.tr_mul(&rest) - precision * (&rates - &mean);
        let step = factor(shares.tr_mul(&weighted) + precision)?.solve(&slope).map(|s| s.clamp(-STEP, STEP));
        rates += &step;
        if step.amax() < SETTLED {
            break;
        }
    }
    Ok(rates)
}

fn matrix(costs: &[Vec<f64>], width: usize) -> Result<DMatrix<f64>> {
    for (sample, row) in costs.iter().enumerate() {
        if row.len() != width {
            return Err(Error::Mismatch { what: "costs of a network", found: row.len(), expected: width });
        }
        if let Some(&value) = row.iter().find(|v| !(v.is_finite() && **v >= 0.0)) {
            return Err(Error::Value { what: "the cost", sample, value });
        }
    }
    Ok(DMatrix::from_fn(costs.len(), width, |i, j| costs[i][j]))
}

fn factor(matrix: DMatrix<f64>) -> Result<Cholesky<f64, Dyn>> {
    Cholesky::new(matrix).ok_or_else(|| Error::Library {
        library: "nalgebra",
        message: "precision of rates: not positive definite".into(),
    })
}

fn inverse(covariance: DMatrix<f64>) -> Result<DMatrix<f64>> {
    Ok(factor(covariance)?.inverse())
}
