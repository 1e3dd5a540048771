//! Gaussian processes.

mod deep;
mod kernel;
pub(crate) mod linalg;
mod pool;
mod tape;
mod trend;

use rand_chacha::ChaCha8Rng;

use self::linalg::Lower;
use super::{Estimate, RowModel};
use crate::{Error, Result};

pub use deep::{DeepGp, DeepOptions};
pub use kernel::{Hyper, Kernel, Shape};
pub use pool::Pool;
pub use trend::{Trend, Trended};

/// Exact inference is cubic: beyond so many rows the best half and the newest half of these are kept.
pub(crate) const MOST: usize = 320;

/// Gaussian process regression with the most probable parameters, values standardised.
#[derive(Clone, Debug)]
pub struct Gp {
    kernel: Kernel,
    steps: usize,
    fitted: Option<Fitted>,
}

#[derive(Clone, Debug)]
struct Fitted {
    hyper: Hyper,
    rows: Vec<Vec<f64>>,
    l: Lower,
    alpha: Vec<f64>,
    mean: f64,
    deviation: f64,
}

/// Mean and deviation; a deviation of 1 where all values are the same.
pub(crate) fn standard(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    (mean, if variance > 1e-20 { variance.sqrt() } else { 1.0 })
}

impl Gp {
    /// Nothing fitted yet; `steps` of the search for parameters in each fit, which starts from the last ones.
    pub fn new(kernel: Kernel, steps: usize) -> Self {
        Self { kernel, steps, fitted: None }
    }

    /// The parameters.
    pub fn hyper(&self) -> Option<&Hyper> {
        self.fitted.as_ref().map(|fitted| &fitted.hyper)
    }
}

impl RowModel for Gp {
    const NAME: &'static str = "gp";

    fn fit_rows(&mut self, rows: &[Vec<f64>], scores: &[f64], _: &mut ChaCha8Rng) -> Result<()> {
        let width = rows.first().map_or(0, Vec::len);
        let kept = newest_and_best(scores, MOST);
        let rows: Vec<Vec<f64>> = kept.iter().map(|&i| rows[i].clone()).collect();
        let scores: Vec<f64> = kept.iter().map(|&i| scores[i]).collect();
        let (mean, deviation) = standard(&scores);
        let values: Vec<f64> = scores.iter().map(|v| (v - mean) / deviation).collect();
        let start = self.hyper().filter(|hyper| hyper.lengths.len() == width).cloned();
        let hyper = start.unwrap_or_else(|| Hyper::prior(width)).fit(self.kernel, &rows, &values, self.steps);
        let rows: Vec<Vec<f64>> = rows.iter().map(|row| hyper.scale(row)).collect();
        let mut l = Lower::new();
        for (i, row) in rows.iter().enumerate() {
            let mut covariances: Vec<f64> =
                rows[..i].iter().map(|other| hyper.between(self.kernel, row, other)).collect();
            covariances.push(hyper.signal.exp() + hyper.noise.exp());
            let next = linalg::append(&l, &covariances);
            l.push(next.ok_or(Error::Model { model: "gp", message: "covariances are not positive".into() })?);
        }
        let alpha = linalg::solve_transposed(&l, &linalg::solve(&l, &values));
        self.fitted = Some(Fitted { hyper, rows, l, alpha, mean, deviation });
        Ok(())
    }

    fn predict_rows(&self, rows: &[Vec<f64>]) -> Vec<Estimate> {
        let Some(fitted) = &self.fitted else { return vec![Estimate { mean: 0.0, deviation: 1.0 }; rows.len()] };
        let one = |row: &Vec<f64>| {
            let row = fitted.hyper.scale(row);
            let k: Vec<f64> = fitted.rows.iter().map(|other| fitted.hyper.between(self.kernel, &row, other)).collect();
            let v = linalg::solve(&fitted.l, &k);
            let variance = (fitted.hyper.signal.exp() - linalg::dot(&v, &v)).max(0.0);
            let mean = fitted.mean + fitted.deviation * linalg::dot(&k, &fitted.alpha);
            Estimate { mean, deviation: fitted.deviation * variance.sqrt() }
        };
        rows.iter().map(one).collect()
    }
}

/// Positions, in order, of so many values: the best half and the newest half.
pub(crate) fn newest_and_best(scores: &[f64], most: usize) -> Vec<usize> {
    if scores.len() <= most {
        return (0..scores.len()).collect();
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    let mut kept: Vec<usize> = order[..most / 2].to_vec();
    let newest = (0..scores.len()).rev().filter(|i| !order[..most / 2].contains(i));
    kept.extend(newest.take(most - most / 2));
    kept.sort_unstable();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_smooth_function_is_learned_and_doubt_grows_with_distance() {
        let rows: Vec<Vec<f64>> = (0..9).map(|i| vec![f64::from(i) / 16.0]).collect();
        let f = |x: f64| (6.0 * x).sin();
        let values: Vec<f64> = (0..9).map(|i| f(f64::from(i) / 16.0)).collect();
        let mut gp = Gp::new(Kernel::MATERN, 40);
        gp.fit_rows(&rows, &values, &mut ChaCha8Rng::seed_from_u64(0)).unwrap();
        let [near, far] = gp.predict_rows(&[vec![0.22], vec![0.9]])[..] else { panic!() };
        assert!((near.mean - f(0.22)).abs() < 0.02, "{near:?}");
        assert!(far.deviation > 10.0 * near.deviation, "{near:?} {far:?}");
    }

    #[test]
    fn one_point_by_hand() {
        // k = s², noise σ²: mean of a far point is the prior's, variance s².
        let hyper = Hyper { lengths: vec![0.0], signal: 0.0, noise: 0.0, mix: 0.0 };
        let matern = Kernel { shape: Shape::Matern32, additive: false };
        assert!((hyper.covariance(Kernel::RBF, &[0.0], &[1.0]) - (-0.5_f64).exp()).abs() < 1e-15);
        assert!(
            (hyper.covariance(matern, &[0.0], &[1.0]) - (1.0 + 3f64.sqrt()) * (-(3f64.sqrt())).exp()).abs() < 1e-15
        );
    }

    #[test]
    fn many_rows_are_thinned() {
        let scores: Vec<f64> = (0..10).map(f64::from).rev().collect();
        assert_eq!(newest_and_best(&scores, 4), [0, 1, 8, 9]);
    }
}
