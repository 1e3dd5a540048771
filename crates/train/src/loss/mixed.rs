//! Subgraphs and networks at once.

use tch::Tensor;

use super::Loss;
use crate::{Result, error::torch};

/// The loss of SLAPP (Wang et al., Neural Networks 170, 2024) with a rule of our choice for its weight, which is not
/// published:
///
/// L = λ · mean over subgraphs of (ŷ/y − 1)² + (1 − λ) · mean over networks of (ŷ/y − 1)²
///
/// After each epoch λ = L̄ₛ / (L̄ₛ + L̄ₙ), where L̄ₛ and L̄ₙ are the means of the two terms in that epoch, kept within
/// 0.1 … 0.9: the term that lags weighs more. λ begins at 0.5.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixed {
    lambda: f64,
    /// Sums of the terms in the epoch under way.
    sums: [f64; 2],
}

impl Default for Mixed {
    fn default() -> Self {
        Self { lambda: 0.5, sums: [0.0; 2] }
    }
}

impl Mixed {
    /// λ.
    pub fn lambda(&self) -> f64 {
        self.lambda
    }

    /// The loss of a batch from (prediction, target) of its subgraphs and of its networks, (n) each.
    ///
    /// # Errors
    /// Other shapes, or a target of 0.
    pub fn value(&mut self, subgraphs: (&Tensor, &Tensor), networks: (&Tensor, &Tensor)) -> Result<Tensor> {
        let term = |(prediction, target): (&Tensor, &Tensor)| Loss::RelativeSquared.value(prediction, target, None);
        let terms = [term(subgraphs)?, term(networks)?];
        for (sum, term) in self.sums.iter_mut().zip(&terms) {
            *sum += f64::try_from(term).map_err(torch("loss"))?;
        }
        let [subgraphs, networks] = terms;
        let run = || subgraphs.f_mul_scalar(self.lambda)?.f_add(&networks.f_mul_scalar(1.0 - self.lambda)?);
        run().map_err(torch("loss"))
    }

    /// Sets λ for the next epoch.
    pub fn end_epoch(&mut self) {
        let [subgraphs, networks] = std::mem::take(&mut self.sums);
        let share = subgraphs / (subgraphs + networks);
        if share.is_finite() {
            self.lambda = share.clamp(0.1, 0.9);
        }
    }
}
