//! Which networks to measure.

use super::{DevicePrior, Trust};
use crate::{Error, Result};

impl DevicePrior {
    /// Chooses `count` of `candidates` to measure: each next one takes most off the variance that is left over all
    /// candidates (greedy A-optimal design). Needs no measurement, and the same candidates give the same choice.
    ///
    /// # Errors
    /// More to choose than there are candidates; a candidate it does not know.
    pub fn select(&self, candidates: &[usize], count: usize) -> Result<Vec<usize>> {
        if count > candidates.len() {
            return Err(Error::TooFew { what: "a choice", samples: candidates.len(), needed: count });
        }
        self.check(candidates.iter().copied())?;
        let noise = Trust::BEFORE.noise.powi(2);
        let mut columns = self.columns(candidates, Trust::BEFORE);
        let mut chosen: Vec<usize> = Vec::with_capacity(count);
        for _ in 0..count {
            // Measuring i takes (k(j,i))² / (k(i,i) + noise) off the variance of j.
            let products = &columns * columns.tr_mul(&columns);
            let gain = |i: usize| columns.row(i).dot(&products.row(i)) / (columns.row(i).norm_squared() + noise);
            let open = (0..candidates.len()).filter(|i| !chosen.contains(i));
            let Some(best) = open.max_by(|&a, &b| gain(a).total_cmp(&gain(b))) else { break };
            // The square root of the posterior covariance of the weights, applied to the columns.
            let row = columns.row(best).clone_owned();
            let length = row.norm_squared();
            if length > 0.0 {
                let shrink = (1.0 - (noise / (length + noise)).sqrt()) / length;
                let along = &columns * row.transpose();
                columns -= along * row * shrink;
            }
            chosen.push(best);
        }
        Ok(chosen.into_iter().map(|i| candidates[i]).collect())
    }
}
