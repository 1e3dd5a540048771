//! A device relative to another, by what networks spend their time on there.

use nalgebra::DMatrix;

use super::{Column, Rates};
use crate::{Result, transfer::LogGaussian};

/// Standard deviation of the logarithm of the speed of one device relative to another: it may be anything.
const LEVEL: f64 = 10.0;

impl Rates {
    /// ln of the times of networks of `costs` on another device, relative to their times on this one: Σ sᵢ · δᵢ over
    /// [`Column`]s, where s are the shares of the network's time here. δᵢ is what the column has by itself, what its kind
    /// of kernel and what its resource have, each normal with the standard deviation `departure`, and what all have in
    /// common. `noise` is the standard deviation of what rates do not say.
    ///
    /// # Errors
    /// Costs of another length, negative ones, or none.
    pub fn relative(&self, costs: &[Vec<f64>], departure: f64, noise: f64) -> Result<LogGaussian> {
        let columns = Column::all();
        let mut shares = DMatrix::zeros(costs.len(), columns.len());
        for (network, costs) in costs.iter().enumerate() {
            let terms = self.terms(costs)?;
            let total: f64 = terms.iter().sum();
            terms.iter().enumerate().for_each(|(c, term)| shares[(network, c)] = term / total);
        }
        let rates = DMatrix::from_fn(columns.len(), columns.len(), |i, j| {
            let (a, b) = (columns[i], columns[j]);
            let shared = [i == j, a.kind == b.kind, a.resource == b.resource];
            LEVEL.powi(2) + departure.powi(2) * shared.into_iter().filter(|&shared| shared).count() as f64
        });
        Ok(LogGaussian::of(&shares * rates * shares.transpose(), noise))
    }
}
