//! A linear trend below a Gaussian process: known functions, whose weights are learned with it (universal kriging).

use super::{
    Pool,
    linalg::{self, Lower},
};

/// Known functions at all candidates, and what is thought of their weights before there are data.
pub struct Trend {
    /// Of each function: its values at the candidates.
    functions: Vec<Vec<f32>>,
    /// Of each weight: mean and deviation of a normal distribution.
    prior: Vec<(f64, f64)>,
}

/// What is known of the candidates and of the weights.
pub struct Trended {
    /// Means of the candidates.
    pub means: Vec<f32>,
    /// Their variances, without noise, what is not known of the weights included.
    pub variances: Vec<f32>,
    /// Means of the weights.
    pub weights: Vec<f64>,
}

impl Trend {
    /// Functions (values at the candidates, mean and deviation of the weight).
    pub fn new(functions: Vec<(Vec<f32>, (f64, f64))>) -> Self {
        let (functions, prior) = functions.into_iter().unzip();
        Self { functions, prior }
    }

    /// The posterior, for values of what the pool observed and those of each function there. `None` where the weights'
    /// covariance cannot be factorised.
    pub fn posterior(&self, pool: &Pool, observed: &[Vec<f64>], values: &[f64]) -> Option<Trended> {
        let n = pool.observations();
        let whitened: Vec<Vec<f64>> = observed.iter().map(|values| linalg::solve(&pool.l, &values[..n])).collect();
        let mut rest = linalg::solve(&pool.l, &values[..n]);
        // (Φᵀ K⁻¹ Φ + B⁻¹) β = Φᵀ K⁻¹ y + B⁻¹ β₀.
        let precision = |k: usize| self.prior[k].1.powi(-2);
        let matrix: Lower = (0..whitened.len())
            .map(|k| {
                let own = |j: usize| if j == k { precision(k) } else { 0.0 };
                (0..=k).map(|j| linalg::dot(&whitened[k], &whitened[j]) + own(j)).collect()
            })
            .collect();
        let right: Vec<f64> =
            (0..whitened.len()).map(|k| linalg::dot(&whitened[k], &rest) + precision(k) * self.prior[k].0).collect();
        let factor = linalg::cholesky(&matrix)?;
        let weights = linalg::solve_transposed(&factor, &linalg::solve(&factor, &right));
        for (column, weight) in whitened.iter().zip(&weights) {
            rest.iter_mut().zip(column).for_each(|(rest, w)| *rest -= weight * w);
        }
        let mut means = vec![0f32; pool.variances().len()];
        let mut errors = self.functions.clone();
        for (function, &weight) in self.functions.iter().zip(&weights) {
            means.iter_mut().zip(function).for_each(|(mean, f)| *mean += weight as f32 * f);
        }
        for (i, v) in pool.v.iter().enumerate() {
            let by = rest[i] as f32;
            means.iter_mut().zip(v).for_each(|(mean, v)| *mean += by * v);
            for (error, column) in errors.iter_mut().zip(&whitened) {
                let by = column[i] as f32;
                error.iter_mut().zip(v).for_each(|(error, v)| *error -= by * v);
            }
        }
        // R A⁻¹ Rᵀ: rows of the factor's inverse times the errors.
        let mut variances = pool.variances().to_vec();
        let mut solved: Vec<Vec<f32>> = Vec::with_capacity(errors.len());
        for (k, mut error) in errors.into_iter().enumerate() {
            for (j, other) in solved.iter().enumerate() {
                let by = factor[k][j] as f32;
                error.iter_mut().zip(other).for_each(|(error, other)| *error -= by * other);
            }
            let own = 1.0 / factor[k][k] as f32;
            error.iter_mut().for_each(|error| *error *= own);
            variances.iter_mut().zip(&error).for_each(|(variance, error)| *variance += error * error);
            solved.push(error);
        }
        Some(Trended { means, variances, weights })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::gp::{Hyper, Kernel};

    /// A trend with normal weights is the same as more covariance: k(x, x') + Σ b² f(x) f(x').
    #[test]
    fn the_same_as_with_the_trend_in_the_covariance() {
        let row = |i: u32| vec![f64::from(i * 7 % 11) / 11.0];
        let (rows, candidates): (Vec<_>, Vec<_>) = ((0..5).map(row).collect(), (20..26).map(row).collect());
        let hyper = Hyper { lengths: vec![-1.0], signal: -0.7, noise: -4.0, mix: 0.0 };
        let functions: [fn(f64) -> f64; 2] = [|_| 1.0, |x| (3.0 * x).sin()];
        let prior = [(0.3, 2.0), (1.0, 0.5)];
        let values: Vec<f64> = rows.iter().map(|row: &Vec<f64>| row[0] * row[0] + 0.2).collect();
        let mut pool = Pool::new(Kernel::MATERN, hyper.clone(), &candidates);
        rows.iter().for_each(|row| assert!(pool.observe(row)));
        let at = |f: fn(f64) -> f64, rows: &[Vec<f64>]| rows.iter().map(|row| f(row[0])).collect::<Vec<f64>>();
        let single = |values: Vec<f64>| values.into_iter().map(|v| v as f32).collect::<Vec<f32>>();
        let trend =
            Trend::new(functions.iter().zip(prior).map(|(&f, prior)| (single(at(f, &candidates)), prior)).collect());
        let observed: Vec<Vec<f64>> = functions.iter().map(|&f| at(f, &rows)).collect();
        let found = trend.posterior(&pool, &observed, &values).unwrap();
        let covariance = |a: &[f64], b: &[f64]| {
            let trend: f64 = functions.iter().zip(prior).map(|(f, (_, b2))| b2 * b2 * f(a[0]) * f(b[0])).sum();
            hyper.covariance(Kernel::MATERN, a, b) + trend
        };
        let mean = |row: &[f64]| functions.iter().zip(prior).map(|(f, (mean, _))| mean * f(row[0])).sum::<f64>();
        let own = |i: usize, j: usize| covariance(&rows[i], &rows[j]) + if i == j { hyper.noise.exp() } else { 0.0 };
        let matrix: Lower = (0..5).map(|i| (0..=i).map(|j| own(i, j)).collect()).collect();
        let l = linalg::cholesky(&matrix).unwrap();
        let centred: Vec<f64> = rows.iter().zip(&values).map(|(row, y)| y - mean(row)).collect();
        let alpha = linalg::solve(&l, &centred);
        for (i, candidate) in candidates.iter().enumerate() {
            let v = linalg::solve(&l, &rows.iter().map(|row| covariance(row, candidate)).collect::<Vec<_>>());
            let expected =
                (mean(candidate) + linalg::dot(&v, &alpha), covariance(candidate, candidate) - linalg::dot(&v, &v));
            assert!((f64::from(found.means[i]) - expected.0).abs() < 1e-3, "{} {expected:?}", found.means[i]);
            assert!((f64::from(found.variances[i]) - expected.1).abs() < 1e-3, "{} {expected:?}", found.variances[i]);
        }
    }

    #[test]
    fn without_data_the_trend_is_what_was_thought() {
        let pool = Pool::new(Kernel::MATERN, Hyper::prior(1), &[vec![0.0], vec![1.0]]);
        let trend = Trend::new(vec![(vec![2.0, 4.0], (0.5, 0.1))]);
        let found = trend.posterior(&pool, &[Vec::new()], &[]).unwrap();
        assert_eq!(found.means, [1.0, 2.0]);
        assert!((found.variances[1] - 1.16).abs() < 1e-5 && (found.weights[0] - 0.5).abs() < 1e-12);
    }
}
