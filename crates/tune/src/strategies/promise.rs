//! What a candidate promises.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// How promise is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Acquisition {
    /// Expected improvement on the best.
    Improvement,
    /// The lower end of an interval of so many deviations.
    Bound(f64),
    /// A draw from the posterior of each candidate by itself.
    Thompson,
    /// Improvement, and every so many trials the least mean alone.
    Greedy(usize),
}

impl Acquisition {
    /// The promise of a candidate whose value is small where it is good; the more the better.
    pub(super) fn promise(self, mean: f64, deviation: f64, best: f64, trial: usize, rng: &mut ChaCha8Rng) -> f64 {
        match self {
            Self::Greedy(every) if trial.is_multiple_of(every) => -mean,
            Self::Improvement | Self::Greedy(_) => log_improvement(best - mean, deviation),
            Self::Bound(width) => width * deviation - mean,
            Self::Thompson => normal(rng) * deviation - mean,
        }
    }
}

/// Logarithm of the expected improvement, which for hopeless candidates is still an order.
fn log_improvement(gain: f64, deviation: f64) -> f64 {
    let z = gain / deviation;
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    match z {
        z if z > -5.0 => (z * cumulative(z) + density).max(1e-300).ln() + deviation.ln(),
        // φ(z)/z², the first term of the expansion.
        z => -0.5 * z * z - 0.919 - 2.0 * (-z).ln() + deviation.ln(),
    }
}

/// The normal distribution function, to 1e-7 (Abramowitz and Stegun 7.1.26 through erfc).
fn cumulative(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let tail = 0.5 * poly * (-x * x).exp();
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// A normal number (Box and Muller).
pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (2.0 * std::f64::consts::PI * v).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn improvement_by_hand() {
        assert!((cumulative(0.0) - 0.5).abs() < 1e-7);
        assert!((cumulative(1.959_964) - 0.975).abs() < 1e-6);
        // No gain expected, deviation 1: φ(0).
        assert!((log_improvement(0.0, 1.0).exp() - 0.398_942_3).abs() < 1e-6);
        assert!((log_improvement(-4.999, 1.0) - log_improvement(-5.001, 1.0)).abs() < 0.15);
        assert!(log_improvement(-30.0, 1.0) > log_improvement(-31.0, 1.0));
    }
}
