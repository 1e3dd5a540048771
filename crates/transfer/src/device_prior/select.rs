//! Which networks to measure.

use super::{DevicePrior, Trust};
use crate::{Result, adapt};

impl DevicePrior {
    /// Chooses `count` of `candidates` to measure: each next one takes most off the posterior variance of all
    /// candidates (greedy A-optimal design). Needs no measurement, and the same candidates give the same choice.
    ///
    /// # Errors
    /// More to choose than there are candidates; a candidate it does not know.
    pub fn select(&self, candidates: &[usize], count: usize) -> Result<Vec<usize>> {
        adapt::check_candidates(candidates, count, self.mean.len())?;
        let noise = Trust::BEFORE.noise.powi(2);
        let mut columns = self.columns(candidates, Trust::BEFORE);
        let mut chosen: Vec<usize> = Vec::with_capacity(count);
        for _ in 0..count {
            // Measuring i takes (k(j,i))² / (k(i,i) + noise) off the variance of j.
            let products = &columns * columns.tr_mul(&columns);
            let explained = |i: usize| columns.row(i).dot(&products.row(i)) / (columns.row(i).norm_squared() + noise);
            let open = (0..candidates.len()).filter(|i| !chosen.contains(i));
            let Some(best) = open.max_by(|&a, &b| explained(a).total_cmp(&explained(b))) else { break };
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
