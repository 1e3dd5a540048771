//! A Gaussian process over a fixed list of candidates, kept up to date one observation at a time.

use super::{
    Hyper, Kernel, Shape,
    linalg::{self, Lower},
};

/// Means and variances of all candidates. An observation costs candidates × observations operations, a change of
/// parameters as much for each observation.
pub struct Pool {
    kernel: Kernel,
    hyper: Hyper,
    /// Scaled candidates, column after column.
    columns: Vec<Vec<f32>>,
    count: usize,
    observed: Vec<Vec<f64>>,
    pub(super) l: Lower,
    /// L⁻¹ k(observed, candidates), a row for each observation.
    pub(super) v: Vec<Vec<f32>>,
    variance: Vec<f32>,
}

impl Pool {
    /// Nothing observed.
    pub fn new(kernel: Kernel, hyper: Hyper, candidates: &[Vec<f64>]) -> Self {
        let column = |(c, l): (usize, &f64)| candidates.iter().map(|row| (row[c] * (-l).exp()) as f32).collect();
        let columns = hyper.lengths.iter().enumerate().map(column).collect();
        let variance = vec![hyper.signal.exp() as f32; candidates.len()];
        let (count, observed, l, v) = (candidates.len(), Vec::new(), Lower::new(), Vec::new());
        Self { kernel, hyper, columns, count, observed, l, v, variance }
    }

    /// Covariances of a scaled row with all candidates.
    fn covariances(&self, row: &[f64]) -> Vec<f32> {
        let mut r2 = vec![0f32; self.count];
        let mut parts = vec![0f32; self.count];
        let shape = self.kernel.shape;
        let share = self.hyper.share(self.kernel);
        for (column, &x) in self.columns.iter().zip(row) {
            let x = x as f32;
            r2.iter_mut().zip(column).for_each(|(r, c)| *r += (c - x) * (c - x));
            if share > 0.0 {
                // Few values occur in a column, mostly in runs.
                let mut last = (f32::NAN, 0.0);
                for (part, &c) in parts.iter_mut().zip(column) {
                    if c != last.0 {
                        last = (c, at(shape, (c - x) * (c - x)));
                    }
                    *part += last.1;
                }
            }
        }
        let signal = self.hyper.signal.exp();
        let (whole, part) = ((signal * (1.0 - share)) as f32, (signal * share / row.len().max(1) as f64) as f32);
        r2.iter_mut().zip(&parts).for_each(|(r, p)| *r = whole * at(shape, *r) + part * p);
        r2
    }

    /// Adds an observed row. False, and nothing is changed, where it says nothing new beyond rounding.
    pub fn observe(&mut self, row: &[f64]) -> bool {
        let row = self.hyper.scale(row);
        let mut known: Vec<f64> =
            self.observed.iter().map(|other| self.hyper.between(self.kernel, &row, other)).collect();
        known.push(self.hyper.signal.exp() + self.hyper.noise.exp());
        let Some(next) = linalg::append(&self.l, &known) else { return false };
        let mut v = self.covariances(&row);
        for (earlier, &factor) in self.v.iter().zip(&next) {
            let factor = factor as f32;
            v.iter_mut().zip(earlier).for_each(|(v, e)| *v -= factor * e);
        }
        let own = 1.0 / next[next.len() - 1] as f32;
        v.iter_mut().for_each(|v| *v *= own);
        self.variance.iter_mut().zip(&v).for_each(|(variance, v)| *variance = (*variance - v * v).max(0.0));
        self.v.push(v);
        self.l.push(next);
        self.observed.push(row);
        true
    }

    /// Forgets the newest observations, so that this many are left.
    pub fn truncate(&mut self, observations: usize) {
        for v in self.v.drain(observations.min(self.v.len())..) {
            self.variance.iter_mut().zip(&v).for_each(|(variance, v)| *variance += v * v);
        }
        self.l.truncate(observations);
        self.observed.truncate(observations);
    }

    /// How many observations there are.
    pub fn observations(&self) -> usize {
        self.observed.len()
    }

    /// Means of all candidates for these values of the observations.
    pub fn means(&self, values: &[f64]) -> Vec<f32> {
        let beta = linalg::solve(&self.l, values);
        let mut means = vec![0f32; self.count];
        for (v, beta) in self.v.iter().zip(beta) {
            let beta = beta as f32;
            means.iter_mut().zip(v).for_each(|(mean, v)| *mean += beta * v);
        }
        means
    }

    /// Variances of all candidates, without noise.
    pub fn variances(&self) -> &[f32] {
        &self.variance
    }

    /// The parameters.
    pub fn hyper(&self) -> &Hyper {
        &self.hyper
    }
}

/// Covariance at a squared distance in single precision, which is enough for candidates.
fn at(shape: Shape, r2: f32) -> f32 {
    match shape {
        Shape::Rbf => (-0.5 * r2).exp(),
        Shape::Matern52 => {
            let s = (5.0 * r2).sqrt();
            (1.0 + s + s * s / 3.0) * (-s).exp()
        }
        Shape::Matern32 => {
            let s = (3.0 * r2).sqrt();
            (1.0 + s) * (-s).exp()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{RowModel, gp::Gp};
    use rand::SeedableRng;

    #[test]
    fn the_same_as_one_by_one() {
        let row = |i: u32| vec![f64::from(i * 7 % 11) / 11.0, f64::from(i * 5 % 13) / 13.0];
        let rows: Vec<Vec<f64>> = (0..8).map(row).collect();
        let candidates: Vec<Vec<f64>> = (20..30).map(row).collect();
        let scores: Vec<f64> = rows.iter().map(|row| row[0] * row[0] - row[1]).collect();
        let mut gp = Gp::new(Kernel { shape: Shape::Matern52, additive: true }, 20);
        gp.fit_rows(&rows, &scores, &mut rand_chacha::ChaCha8Rng::seed_from_u64(0)).unwrap();
        let (mean, deviation) = crate::models::gp::standard(&scores);
        let mut pool =
            Pool::new(Kernel { shape: Shape::Matern52, additive: true }, gp.hyper().unwrap().clone(), &candidates);
        rows.iter().for_each(|row| assert!(pool.observe(row)));
        let values: Vec<f64> = scores.iter().map(|v| (v - mean) / deviation).collect();
        let means = pool.means(&values);
        for (i, estimate) in gp.predict_rows(&candidates).into_iter().enumerate() {
            assert!((mean + deviation * f64::from(means[i]) - estimate.mean).abs() < 1e-3);
            assert!((deviation * f64::from(pool.variances()[i]).sqrt() - estimate.deviation).abs() < 1e-2);
        }
    }
}
