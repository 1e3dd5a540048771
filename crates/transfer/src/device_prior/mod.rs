//! A new device from a handful of measurements, by way of devices that are known well.
//!
//! Times of networks on other devices and what the networks cost on paper say how times on *some* device may look;
//! measurements on the new one say which of these it is. In times relative to each device's mean, the new device is
//! a Gaussian process over networks a, b with
//!
//! ```text
//! mean        m(a)   = average of the known devices
//! covariance  k(a,b) = m(a)·m(b) + 1 + d² Σ_i δ_i(a)·δ_i(b)/(D−1) + c² x(a)·x(b)/P
//! ```
//!
//! where δ_i is the deviation of known device i from the average and x are the standardised costs. So the new device may
//! be of any speed and any constant overhead, mixes the known devices, and deviates from them along costs: times of
//! operators add up, hence the linear scale. Measurements carry Student-t noise of scale s. How much to trust
//! devices (d), costs (c) and measurements (s) is not fitted but averaged over a grid, weighted by the evidence of the
//! measurements themselves, so nothing needs tuning for a new device.
//!
//! Where networks differ by orders of magnitude and devices measured only some of them, [`LogGaussian`](crate::LogGaussian)
//! works on logarithms instead. For networks that no device measured there is [`rates`](crate::rates).
//!
//! ```
//! use tachograph_transfer::{DevicePrior, Observation, Posterior, Transfer};
//! # fn main() -> tachograph_transfer::Result<()> {
//! // Six networks, two known devices, and (FLOPs, bytes) of each network.
//! let known = [vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![2.0, 2.2, 3.1, 3.3, 4.1, 4.4]];
//! let costs: Vec<Vec<f64>> = (1..=6).map(|i| vec![f64::from(i), f64::from(i % 3)]).collect();
//! let prior = DevicePrior::fit(&known, &costs)?;
//! let measured = [0, 2, 5].map(|network| Observation { network, ms: 10.0 * known[0][network] });
//! let device = prior.adapt(&measured)?;
//! assert!((device.predict(3)?.ms - 40.0).abs() < 2.0);
//! # Ok(())
//! # }
//! ```

mod posterior;
mod select;
#[cfg(test)]
mod tests;

use nalgebra::{DMatrix, DVector};

use crate::{
    Error, Observation, Posterior, Result, Transfer,
    statistics::{finite, standardised},
};
use posterior::DevicePosterior;

/// How far a new device may be from the known ones, in shares of its mean time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trust {
    /// Scale of the deviations of known devices from their average: 1 for a device as unlike the average as they are.
    pub devices: f64,
    /// Scale of what costs explain beyond known devices.
    pub costs: f64,
    /// Scale of the noise of a measurement.
    pub noise: f64,
}

impl Trust {
    /// By which measurements are chosen, before anything is measured.
    pub const BEFORE: Self = Self { devices: 1.0, costs: 0.15, noise: 0.1 };

    /// What a [`DevicePrior`] averages over.
    pub fn grid() -> Vec<Self> {
        let mut grid = Vec::new();
        for devices in [0.5, 1.0, 2.0, 4.0] {
            for costs in [0.05, 0.15, 0.4] {
                grid.extend([0.01, 0.03, 0.1, 0.2].map(|noise| Self { devices, costs, noise }));
            }
        }
        grid
    }
}

/// What is known of networks before a new device is measured.
#[derive(Clone, Debug)]
pub struct DevicePrior {
    /// Average relative time of each network.
    mean: DVector<f64>,
    /// Deviations of the known devices from it, networks × devices.
    devices: DMatrix<f64>,
    /// Standardised costs, networks × columns.
    costs: DMatrix<f64>,
}

impl DevicePrior {
    /// From times on known devices (`times[device][network]`, in ms, or a [`Smoother`](crate::Smoother)'s) and costs
    /// (`costs[network]`, any non-negative quantities that times may be linear in). Costs that are the same for every
    /// network are left out; there may be none.
    ///
    /// # Errors
    /// No device, fewer than two networks, lengths that differ, a time that is not positive in the mean, numbers that
    /// are not finite.
    pub fn fit(times: &[Vec<f64>], costs: &[Vec<f64>]) -> Result<Self> {
        let networks = costs.len();
        if times.is_empty() || networks < 2 {
            let samples = times.len().min(networks);
            return Err(Error::TooFew { what: "a prior over devices", samples, needed: 2 });
        }
        let mut relative = DMatrix::zeros(networks, times.len());
        for (device, mut column) in times.iter().zip(relative.column_iter_mut()) {
            if device.len() != networks {
                return Err(Error::Mismatch { what: "times of a device", found: device.len(), expected: networks });
            }
            finite("the time", device)?;
            let mean = device.iter().sum::<f64>() / networks as f64;
            if mean <= 0.0 {
                return Err(Error::Value { what: "the mean time", sample: 0, value: mean });
            }
            column.iter_mut().zip(device).for_each(|(slot, t)| *slot = t / mean);
        }
        let mean = relative.column_mean();
        let scale = 1.0 / ((times.len() as f64 - 1.0).max(1.0)).sqrt();
        relative.column_iter_mut().for_each(|mut column| {
            column -= &mean;
            column *= scale;
        });
        Ok(Self { mean, devices: relative, costs: standardised(costs)? })
    }

    /// Columns whose inner products are the covariance, for some networks.
    fn columns(&self, networks: &[usize], trust: Trust) -> DMatrix<f64> {
        let (devices, costs) = (self.devices.ncols(), self.costs.ncols());
        let scale = trust.costs / (costs.max(1) as f64).sqrt();
        DMatrix::from_fn(networks.len(), 2 + devices + costs, |row, column| {
            let network = networks[row];
            match column {
                0 => self.mean[network],
                1 => 1.0,
                _ if column < 2 + devices => trust.devices * self.devices[(network, column - 2)],
                _ => scale * self.costs[(network, column - 2 - devices)],
            }
        })
    }

    /// As [`adapt`](Transfer::adapt) with another grid, for ablations.
    ///
    /// # Errors
    /// As [`adapt`](Transfer::adapt); an empty grid.
    pub fn adapt_with<'a>(&'a self, observations: &[Observation], grid: &[Trust]) -> Result<Box<dyn Posterior + 'a>> {
        Ok(Box::new(DevicePosterior::new(self, observations, grid)?))
    }
}

impl Transfer for DevicePrior {
    fn networks(&self) -> usize {
        self.mean.len()
    }

    /// Where every observation is a whole number of milliseconds, rounding is taken for part of the noise.
    fn adapt<'a>(&'a self, observations: &[Observation]) -> Result<Box<dyn Posterior + 'a>> {
        self.adapt_with(observations, &Trust::grid())
    }
}
