//! Rates for a list of networks.

use super::{RatePrior, Rates};
use crate::{Estimate, Observation, Posterior, Result, Transfer, adapt};

/// A [`RatePrior`] for networks of these costs, so that it goes where any other [`Transfer`] does.
#[derive(Clone, Debug)]
pub struct RatesOver<'c> {
    prior: RatePrior,
    costs: &'c [Vec<f64>],
}

impl RatePrior {
    /// For networks of `costs`, which are those of [`costs`](super::costs).
    ///
    /// # Errors
    /// Costs of another length, negative ones, or none.
    pub fn over(self, costs: &[Vec<f64>]) -> Result<RatesOver<'_>> {
        costs.iter().enumerate().try_for_each(|(network, row)| super::row(row, network).map(drop))?;
        Ok(RatesOver { prior: self, costs })
    }
}

/// The rates of a device, for the same networks.
struct Device<'c> {
    rates: Rates,
    costs: &'c [Vec<f64>],
}

impl Transfer for RatesOver<'_> {
    fn networks(&self) -> usize {
        self.costs.len()
    }

    fn adapt<'a>(&'a self, observations: &[Observation]) -> Result<Box<dyn Posterior + 'a>> {
        let rates = self.prior.adapt(observations, self.costs)?;
        Ok(Box::new(Device { rates, costs: self.costs }))
    }
}

impl Posterior for Device<'_> {
    fn predict(&self, network: usize) -> Result<Estimate> {
        adapt::known(network, self.costs.len())?;
        self.rates.predict(&self.costs[network])
    }

    fn predict_all(&self) -> Vec<f64> {
        let logs = &self.rates.logs;
        self.costs.iter().map(|row| row.iter().zip(logs).map(|(cost, log)| cost * log.exp()).sum()).collect()
    }
}
