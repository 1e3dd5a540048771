//! A device by way of one like it, such as the last generation of a card, by what networks spend their time on there.

use nalgebra::DMatrix;

use super::{Column, RatePrior, Rates};
use crate::{Error, Estimate, LogGaussian, Observation, Posterior, Result, Transfer, adapt};

/// Standard deviation of the logarithm of the speed of one device relative to another: it may be anything.
const LEVEL: f64 = 10.0;

/// Networks that one device measured, to be predicted on another that is like it: times there, scaled by how much longer
/// the new device takes for what they spend their time on.
///
/// ln of the times of networks on the new device relative to those on the known one is Σ sᵢ · δᵢ over [`Column`]s, where s
/// are the shares of the network's time on the known device. δᵢ is what the column has by itself, what its kind of kernel
/// and what its resource have, each normal with the standard deviation `deviation`, and what all have in common.
#[derive(Clone, Debug)]
pub struct Relative {
    /// On the device that is known, in ms.
    times: Vec<f64>,
    /// Of the new device to it.
    ratios: LogGaussian,
}

impl Relative {
    /// Standard deviation of the logarithm of a rate relative to that of a device like it.
    pub const DEVIATION: f64 = 0.1;
    /// Standard deviation of what rates do not explain, in logarithms of times.
    pub const NOISE: f64 = 0.07;

    /// From the times in ms of networks of `costs` on the known device; `prior` says what they spend them on.
    ///
    /// # Errors
    /// No network; times that are not positive and finite; costs of another length, negative ones, or none.
    pub fn new(prior: &RatePrior, times: &[f64], costs: &[Vec<f64>]) -> Result<Self> {
        let observations = times.iter().enumerate().map(|(network, &ms)| Observation { network, ms });
        let rates = prior.adapt(&observations.collect::<Vec<_>>(), costs)?;
        Self::with(&rates, times, costs, Self::DEVIATION, Self::NOISE)
    }

    /// From the rates of the known device, with other standard deviations.
    ///
    /// # Errors
    /// As [`Relative::new`]; another number of times than of networks.
    pub fn with(rates: &Rates, times: &[f64], costs: &[Vec<f64>], deviation: f64, noise: f64) -> Result<Self> {
        if times.len() != costs.len() {
            return Err(Error::Mismatch { what: "times of networks", found: times.len(), expected: costs.len() });
        }
        let columns = Column::all();
        let mut shares = DMatrix::zeros(costs.len(), columns.len());
        for (network, costs) in costs.iter().enumerate() {
            let terms = rates.terms(costs)?;
            let total: f64 = terms.iter().sum();
            terms.iter().enumerate().for_each(|(c, term)| shares[(network, c)] = term / total);
        }
        let covariance = DMatrix::from_fn(columns.len(), columns.len(), |i, j| {
            let (a, b) = (columns[i], columns[j]);
            let shared = [i == j, a.kind == b.kind, a.resource == b.resource];
            LEVEL.powi(2) + deviation.powi(2) * shared.into_iter().filter(|&shared| shared).count() as f64
        });
        let ratios = LogGaussian::around_zero(&shares * covariance * shares.transpose(), noise);
        Ok(Self { times: times.to_vec(), ratios })
    }

    /// The `count` of `candidates` that are worth most when measured on the new device.
    ///
    /// # Errors
    /// More to choose than there are candidates; a network it does not know.
    pub fn select(&self, candidates: &[usize], count: usize) -> Result<Vec<usize>> {
        self.ratios.select(candidates, count)
    }
}

/// Times on the known device, and ratios to them.
struct Scaled<'a> {
    times: &'a [f64],
    ratios: Box<dyn Posterior + 'a>,
}

impl Transfer for Relative {
    fn networks(&self) -> usize {
        self.times.len()
    }

    fn adapt<'a>(&'a self, observations: &[Observation]) -> Result<Box<dyn Posterior + 'a>> {
        adapt::check(observations, self.networks())?;
        let ratios = observations.iter().map(|o| Observation { ms: o.ms / self.times[o.network], ..*o });
        let ratios = self.ratios.adapt(&ratios.collect::<Vec<_>>())?;
        Ok(Box::new(Scaled { times: &self.times, ratios }))
    }
}

impl Posterior for Scaled<'_> {
    fn predict(&self, network: usize) -> Result<Estimate> {
        Ok(self.ratios.predict(network)?.times(self.times[network]))
    }

    fn predict_all(&self) -> Vec<f64> {
        self.ratios.predict_all().iter().zip(self.times).map(|(ratio, time)| ratio * time).collect()
    }
}
