//! Covariances, and their parameters from data.

use super::linalg::{self, Lower};

/// A covariance with a length for each column (automatic relevance determination).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// How it falls with distance.
    pub shape: Shape,
    /// Whether a share of the variance, found with the lengths, is a sum of functions of one column each: what a parameter
    /// does whatever the others are, which a few points tell (an additive process; Duvenaud et al., NeurIPS 2011).
    pub additive: bool,
}

/// How a covariance falls with distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// exp(−r²/2).
    Rbf,
    /// Matérn's with ν = 5/2.
    Matern52,
    /// Matérn's with ν = 3/2.
    Matern32,
}

impl Kernel {
    /// Matérn's with ν = 5/2, the usual one.
    pub const MATERN: Self = Self { shape: Shape::Matern52, additive: false };
    /// The Gaussian one.
    pub const RBF: Self = Self { shape: Shape::Rbf, additive: false };
}

impl Shape {
    /// Covariance at a squared scaled distance.
    fn at(self, r2: f64) -> f64 {
        match self {
            Self::Rbf => (-0.5 * r2).exp(),
            Self::Matern52 => {
                let s = (5.0 * r2).sqrt();
                (1.0 + s + s * s / 3.0) * (-s).exp()
            }
            Self::Matern32 => {
                let s = (3.0 * r2).sqrt();
                (1.0 + s) * (-s).exp()
            }
        }
    }

    /// −2 dk/d(r²).
    fn slope(self, r2: f64) -> f64 {
        match self {
            Self::Rbf => (-0.5 * r2).exp(),
            Self::Matern52 => {
                let s = (5.0 * r2).sqrt();
                5.0 / 3.0 * (1.0 + s) * (-s).exp()
            }
            Self::Matern32 => 3.0 * (-(3.0 * r2).sqrt()).exp(),
        }
    }
}

/// What a Gaussian process is determined by, in logarithms.
#[derive(Clone, Debug, PartialEq)]
pub struct Hyper {
    /// Of the lengths.
    pub lengths: Vec<f64>,
    /// Of the variance of the function.
    pub signal: f64,
    /// Of the variance of the noise.
    pub noise: f64,
    /// Of the odds of the additive share.
    pub mix: f64,
}

/// What was thought before there were data. Ours: normal priors on the logarithms; lengths grow with the root of the
/// number of columns, as distances do (Hvarfner et al., ICML 2024).
const SPREAD: f64 = 1.0;
const NOISE: (f64, f64) = (-6.0, 2.0);

/// The least of the logarithm of the noise: below it a factorisation rounds.
const LEAST_NOISE: f64 = -14.0;

impl Hyper {
    /// Before data.
    pub fn prior(width: usize) -> Self {
        Self { lengths: vec![(width as f64).sqrt().max(1.0).ln() - 0.3; width], signal: 0.0, noise: NOISE.0, mix: 0.0 }
    }

    /// Covariance of two rows, without noise.
    pub fn covariance(&self, kernel: Kernel, a: &[f64], b: &[f64]) -> f64 {
        self.between(kernel, &self.scale(a), &self.scale(b))
    }

    /// Rows divided by the lengths, so that covariances need no more than distances.
    pub fn scale(&self, row: &[f64]) -> Vec<f64> {
        row.iter().zip(&self.lengths).map(|(x, l)| x * (-l).exp()).collect()
    }

    /// The additive share.
    pub fn share(&self, kernel: Kernel) -> f64 {
        if kernel.additive { 1.0 / (1.0 + (-self.mix).exp()) } else { 0.0 }
    }

    /// Covariance of two rows that are scaled.
    pub fn between(&self, kernel: Kernel, a: &[f64], b: &[f64]) -> f64 {
        let (share, shape) = (self.share(kernel), kernel.shape);
        let squares = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b));
        let whole = shape.at(squares.clone().sum());
        let parts = if share > 0.0 { squares.map(|r| shape.at(r)).sum::<f64>() / a.len() as f64 } else { 0.0 };
        self.signal.exp() * ((1.0 - share) * whole + share * parts)
    }

    fn values(&self) -> Vec<f64> {
        let mut values = self.lengths.clone();
        values.extend([self.signal, self.noise, self.mix]);
        values
    }

    fn of(values: &[f64]) -> Self {
        let (lengths, others) = values.split_at(values.len() - 3);
        Self { lengths: lengths.to_vec(), signal: others[0], noise: others[1], mix: others[2] }
    }

    /// The most probable parameters given rows and their values (of mean 0 and deviation 1): the logarithm of the marginal
    /// likelihood and of the priors, climbed by resilient propagation from these.
    pub fn fit(&self, kernel: Kernel, rows: &[Vec<f64>], values: &[f64], steps: usize) -> Self {
        self.fit_near(&Self::prior(self.lengths.len()), kernel, rows, values, steps)
    }

    /// [`Hyper::fit`] where something else was thought before. Without rows these stay.
    pub fn fit_near(&self, prior: &Self, kernel: Kernel, rows: &[Vec<f64>], values: &[f64], steps: usize) -> Self {
        if rows.is_empty() {
            return self.clone();
        }
        let prior = prior.values();
        let squares = squares(rows);
        let mut at = self.values();
        let mut size = vec![0.2; at.len()];
        let mut last = vec![0.0; at.len()];
        let mut best = (f64::NEG_INFINITY, at.clone());
        for _ in 0..steps {
            let hyper = Self::of(&at);
            let Some((height, mut slope)) = likelihood(&hyper, kernel, &squares, rows.len(), values) else { break };
            let mut height = height;
            for (i, slope) in slope.iter_mut().enumerate() {
                let spread = if i + 2 == at.len() { NOISE.1 } else { SPREAD };
                height -= 0.5 * ((at[i] - prior[i]) / spread).powi(2);
                *slope -= (at[i] - prior[i]) / (spread * spread);
            }
            if height > best.0 {
                best = (height, at.clone());
            }
            for i in 0..at.len() {
                match slope[i] * last[i] {
                    same if same > 0.0 => size[i] = f64::min(size[i] * 1.3, 1.0),
                    other if other < 0.0 => {
                        size[i] *= 0.5;
                        slope[i] = 0.0;
                    }
                    _ => {}
                }
                if slope[i] != 0.0 {
                    at[i] += size[i] * slope[i].signum();
                }
                last[i] = slope[i];
            }
            let noise = at.len() - 2;
            at[noise] = at[noise].max(LEAST_NOISE);
        }
        Self::of(&best.1)
    }
}

/// Squared differences of each pair, column after column; pairs in the order of a lower triangle without its diagonal.
fn squares(rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let pair = |i: usize| (0..i).map(move |j| (i, j));
    let width = rows.first().map_or(0, Vec::len);
    let column = |c: usize| (0..rows.len()).flat_map(pair).map(|(i, j)| (rows[i][c] - rows[j][c]).powi(2)).collect();
    (0..width).map(column).collect()
}

/// Logarithm of the marginal likelihood, and its slope.
fn likelihood(
    hyper: &Hyper,
    kernel: Kernel,
    squares: &[Vec<f64>],
    n: usize,
    values: &[f64],
) -> Option<(f64, Vec<f64>)> {
    let pairs = n * n.saturating_sub(1) / 2;
    let (shape, share) = (kernel.shape, hyper.share(kernel));
    let weights: Vec<f64> = hyper.lengths.iter().map(|l| (-2.0 * l).exp()).collect();
    let (mut r2, mut parts) = (vec![0.0; pairs], vec![0.0; pairs]);
    for (column, w) in squares.iter().zip(&weights) {
        r2.iter_mut().zip(column).for_each(|(r, s)| *r += w * s);
        if share > 0.0 {
            parts.iter_mut().zip(column).for_each(|(part, s)| *part += shape.at(w * s) / weights.len() as f64);
        }
    }
    let (signal, noise) = (hyper.signal.exp(), hyper.noise.exp());
    let mut matrix: Lower = Vec::with_capacity(n);
    let mut next = r2.iter().zip(&parts);
    for i in 0..n {
        let one = |(&r, &part): (&f64, &f64)| signal * ((1.0 - share) * shape.at(r) + share * part);
        let mut row: Vec<f64> = next.by_ref().take(i).map(one).collect();
        row.push(signal + noise);
        matrix.push(row);
    }
    let l = linalg::cholesky(&matrix)?;
    let alpha = linalg::solve_transposed(&l, &linalg::solve(&l, values));
    let height = -0.5 * linalg::dot(values, &alpha) - l.iter().enumerate().map(|(i, row)| row[i].ln()).sum::<f64>();
    // ∂/∂θ = ½ Σ (α αᵀ − K⁻¹)ᵢⱼ ∂Kᵢⱼ/∂θ; each pair counts twice.
    let inverse = linalg::inverse(&l);
    let (mut by_whole, mut by_part) = (vec![0.0; pairs], vec![0.0; pairs]);
    let (mut by_signal, mut by_noise, mut by_mix) = (0.0, 0.0, 0.0);
    let mut p = 0;
    for i in 0..n {
        for j in 0..i {
            let weight = alpha[i] * alpha[j] - inverse[i][j];
            by_signal += weight * matrix[i][j];
            by_whole[p] = weight * signal * (1.0 - share) * shape.slope(r2[p]);
            by_part[p] = weight * signal * share / weights.len() as f64;
            if share > 0.0 {
                by_mix += weight * signal * share * (1.0 - share) * (parts[p] - shape.at(r2[p]));
            }
            p += 1;
        }
        let weight = 0.5 * (alpha[i] * alpha[i] - inverse[i][i]);
        by_signal += weight * signal;
        by_noise += weight * noise;
    }
    let by_length = |(column, &w): (&Vec<f64>, &f64)| {
        let whole = w * linalg::dot(column, &by_whole);
        let slopes =
            column.iter().zip(&by_part).map(|(s, by)| if *s > 0.0 { by * w * s * shape.slope(w * s) } else { 0.0 });
        if share > 0.0 { whole + slopes.sum::<f64>() } else { whole }
    };
    let mut slope: Vec<f64> = squares.iter().zip(&weights).map(by_length).collect();
    slope.extend([by_signal, by_noise, by_mix]);
    Some((height, slope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_the_likelihood() {
        let rows: Vec<Vec<f64>> = (0..6).map(|i| vec![f64::from(i) / 5.0, f64::from(i * i % 5) / 4.0]).collect();
        let values = [0.3, -1.0, 0.5, 1.2, -0.7, 0.1];
        let hyper = Hyper { lengths: vec![-0.5, 0.2], signal: 0.1, noise: -2.0, mix: 0.3 };
        let kernels = [Shape::Rbf, Shape::Matern52, Shape::Matern32];
        for kernel in kernels.into_iter().flat_map(|shape| [false, true].map(|additive| Kernel { shape, additive })) {
            let at =
                |values_at: &[f64]| likelihood(&Hyper::of(values_at), kernel, &squares(&rows), 6, &values).unwrap();
            let (_, slope) = at(&hyper.values());
            for i in 0..5 {
                let moved = |by: f64| {
                    let mut values = hyper.values();
                    values[i] += by;
                    at(&values).0
                };
                let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!((slope[i] - expected).abs() < 1e-6, "{kernel:?} {i}: {} {expected}", slope[i]);
            }
        }
    }
}
