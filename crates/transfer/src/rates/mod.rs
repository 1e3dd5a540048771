//! Times as sums over kinds of kernels, at rates that devices have in common.

mod columns;
mod learned;
mod over;
mod relative;
#[cfg(test)]
mod tests;

use nalgebra::{Cholesky, DMatrix, DVector, Dyn, RowDVector};

use crate::{
    Error, Estimate, Observation, Result,
    log_gaussian::logs,
    statistics::{cholesky, median},
};

pub use columns::{Column, Resource, costs};
pub use over::RatesOver;
pub use relative::Relative;

/// Standard deviation of ln t around the sum, and degrees of freedom of its Student's t.
const NOISE: f64 = 0.2;
const FREEDOM: f64 = 4.0;
/// Rounds of Gauss–Newton, and the longest step of a logarithm in one.
const ROUNDS: usize = 30;
const STEP: f64 = 1.0;
const SETTLED: f64 = 1e-3;
/// For messages.
const PRECISION: &str = "precision of rates";

/// Standard deviations of ln rate.
#[derive(Clone, Copy, Debug)]
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
/// use tachograph_transfer::{Observation, rates::{Column, RatePrior}};
/// # fn main() -> tachograph_transfer::Result<()> {
/// // Three networks that use up two resources; a device known on the first two.
/// let mut costs = vec![vec![0.0; Column::all().len()]; 3];
/// for (row, (launches, bytes)) in costs.iter_mut().zip([(1.0, 1.0), (1.0, 3.0), (1.0, 10.0)]) {
///     row[..2].copy_from_slice(&[launches, bytes]);
/// }
/// let known = [(0, 3.0), (1, 7.0)].map(|(network, ms)| Observation { network, ms });
/// let rates = RatePrior::cpu().adapt(&known, &costs)?;
/// assert!((rates.predict(&costs[2])?.ms / 21.0 - 1.0).abs() < 0.1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RatePrior {
    /// ln ms a unit, by column; their level means nothing.
    mean: DVector<f64>,
    /// Of a device around it.
    spread: Spread,
}

impl RatePrior {
    /// Every rate is as likely as another, for want of devices.
    pub fn equal() -> Self {
        Self { mean: DVector::zeros(Column::all().len()), spread: GENERAL }
    }

    /// Of the CPUs of ncnn's benchmark, 194 settings of ARM and x86 machines.
    pub fn cpu() -> Self {
        Self { mean: learned::cpu(), spread: DEVICE }
    }

    /// Of the GPUs of ncnn's benchmark, 53 settings of mobile and desktop ones with Vulkan.
    pub fn gpu() -> Self {
        Self { mean: learned::gpu(), spread: DEVICE }
    }

    /// Rates that fit the median device of `devices` (relative to its median time), each with what it measured;
    /// `costs[network]` are those of [`costs`].
    ///
    /// # Errors
    /// No device; times that are not positive and finite; networks without costs; costs of another length, negative ones,
    /// or a measured network that costs nothing.
    pub fn learn(devices: &[Vec<Observation>], costs: &[Vec<f64>]) -> Result<Self> {
        let measured = devices.iter().filter(|observations| !observations.is_empty());
        let devices = measured.map(|observations| logs(observations, costs.len())).collect::<Result<Vec<_>>>()?;
        let rates = Self::equal().fit(&common(&devices, costs.len()), costs)?;
        let level = rates.logs.mean();
        Ok(Self { mean: rates.logs.add_scalar(-level), spread: DEVICE })
    }

    /// ln of the rates, by [`Column::all`], around 0.
    pub fn logs(&self) -> &[f64] {
        self.mean.as_slice()
    }

    /// The rates of the device of `observations`, of networks of `costs`.
    ///
    /// # Errors
    /// No observations; otherwise as [`learn`](Self::learn).
    pub fn adapt(&self, observations: &[Observation], costs: &[Vec<f64>]) -> Result<Rates> {
        self.fit(&logs(observations, costs.len())?, costs)
    }

    /// The most probable ln r by Gauss–Newton, from the prior's shifted to the level of what was measured.
    fn fit(&self, measured: &[(usize, f64)], costs: &[Vec<f64>]) -> Result<Rates> {
        if measured.is_empty() {
            return Err(Error::TooFew { what: "rates of kernels", samples: 0, needed: 1 });
        }
        let rows = measured.iter().map(|&(network, _)| row(&costs[network], network)).collect::<Result<Vec<_>>>()?;
        let rows = DMatrix::from_rows(&rows);
        let times = DVector::from_iterator(measured.len(), measured.iter().map(|(_, log)| *log));
        let precision = cholesky("covariance of rates", self.spread.covariance(&Column::all()))?.inverse();
        let sum = |logs: &DVector<f64>| &rows * logs.map(f64::exp);
        let start = sum(&self.mean);
        let mean = self.mean.add_scalar(median(times.iter().zip(&start).map(|(time, start)| time - start.ln())));
        let (mut logs, mut posterior) = (mean.clone(), cholesky(PRECISION, precision.clone())?);
        for _ in 0..ROUNDS {
            let predicted = sum(&logs);
            let residual = &times - predicted.map(f64::ln);
            // Student's t: a residual far off weighs less.
            let weight = residual.map(|r| (FREEDOM + 1.0) / (FREEDOM * NOISE * NOISE + r * r));
            let shares =
                DMatrix::from_fn(rows.nrows(), rows.ncols(), |i, c| rows[(i, c)] * logs[c].exp() / predicted[i]);
            let weighted = DMatrix::from_fn(rows.nrows(), rows.ncols(), |i, c| weight[i] * shares[(i, c)]);
            let gradient = weighted.tr_mul(&residual) - &precision * (&logs - &mean);
            posterior = cholesky(PRECISION, shares.tr_mul(&weighted) + &precision)?;
            let step = posterior.solve(&gradient).map(|s| s.clamp(-STEP, STEP));
            logs += &step;
            if step.amax() < SETTLED {
                break;
            }
        }
        Ok(Rates { logs, precision: posterior })
    }
}

/// The rates of one device.
#[derive(Clone, Debug)]
pub struct Rates {
    /// ln ms a unit, by column.
    logs: DVector<f64>,
    /// Factor of the precision of their posterior.
    precision: Cholesky<f64, Dyn>,
}

impl Rates {
    /// Time of a network that uses up `costs`, known or not.
    ///
    /// # Errors
    /// Costs of another length, negative ones, or none.
    pub fn predict(&self, costs: &[f64]) -> Result<Estimate> {
        let terms = self.terms(costs)?;
        let ms = terms.iter().sum::<f64>();
        let shares = DVector::from_iterator(terms.len(), terms.iter().map(|term| term / ms));
        let variance = shares.dot(&self.precision.solve(&shares)) + NOISE * NOISE;
        Ok(Estimate::log_normal(ms, variance.sqrt()))
    }

    /// What each [`Column`] adds to the time, in ms.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn terms(&self, costs: &[f64]) -> Result<Vec<f64>> {
        Ok(row(costs, 0)?.iter().zip(&self.logs).map(|(cost, log)| cost * log.exp()).collect())
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

fn row(costs: &[f64], sample: usize) -> Result<RowDVector<f64>> {
    let expected = Column::all().len();
    if costs.len() != expected {
        return Err(Error::Mismatch { what: "costs of a network", found: costs.len(), expected });
    }
    let total: f64 = costs.iter().sum();
    if !(total.is_finite() && total > 0.0 && costs.iter().all(|cost| *cost >= 0.0)) {
        return Err(Error::Value { what: "the cost of the network", sample, value: total });
    }
    Ok(RowDVector::from_row_slice(costs))
}
