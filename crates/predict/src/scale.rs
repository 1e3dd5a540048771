//! From what a network puts out to a quantity on a device.

use serde::{Deserialize, Serialize};
use tachograph_metrics::median;

/// From a quantity to what its head puts out: output = quantity / scale.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputScale {
    /// Milliseconds, MB or joules per unit of the output.
    pub scale: f64,
}

impl Default for OutputScale {
    fn default() -> Self {
        Self { scale: 1.0 }
    }
}

impl OutputScale {
    /// What the head should put out for a value.
    pub fn encode(&self, value: f64) -> f64 {
        value / self.scale
    }

    /// The value of an output.
    pub fn decode(&self, output: f64) -> f64 {
        output * self.scale
    }

    pub(crate) fn is_identity(&self) -> bool {
        *self == Self::default()
    }
}

/// ms = scale · outputᵉˣᵖᵒⁿᵉⁿᵗ, a line in logarithms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceScale {
    /// Milliseconds at an output of 1.
    pub scale: f64,
    /// 1 for a device that is slower or faster by one factor.
    pub exponent: f64,
}

impl Default for DeviceScale {
    fn default() -> Self {
        Self { scale: 1.0, exponent: 1.0 }
    }
}

impl DeviceScale {
    /// The median of measured/predicted as scale, which one far-off measurement does not move. Pairs are (predicted,
    /// measured), all positive; without any, the identity.
    pub fn scale(pairs: &[(f64, f64)]) -> Self {
        let ratios: Vec<f64> = pairs.iter().map(|(predicted, measured)| measured / predicted).collect();
        Self { scale: median(&ratios).unwrap_or(1.0), exponent: 1.0 }
    }

    /// Least squares of ln measured = ln scale + exponent · ln predicted. Pairs as in [`DeviceScale::scale`], which it
    /// is when there are fewer than three or the predictions are all equal.
    pub fn log_linear(pairs: &[(f64, f64)]) -> Self {
        let n = pairs.len() as f64;
        let mean = |f: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>() / n;
        let (x, y) = (mean(&|p| p.0.ln()), mean(&|p| p.1.ln()));
        let variance = mean(&|p| (p.0.ln() - x).powi(2));
        if pairs.len() < 3 || variance < 1e-12 {
            return Self::scale(pairs);
        }
        let exponent = mean(&|p| (p.0.ln() - x) * (p.1.ln() - y)) / variance;
        Self { scale: (y - exponent * x).exp(), exponent }
    }

    /// This one applied to what `inner` returns.
    pub fn after(self, inner: Self) -> Self {
        Self { scale: self.apply(inner.scale), exponent: self.exponent * inner.exponent }
    }

    /// Milliseconds of an output.
    pub fn apply(self, output: f64) -> f64 {
        self.scale * output.powf(self.exponent)
    }

    /// True where it changes nothing.
    pub fn is_identity(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ratio_ignores_one_wild_measurement() {
        let pairs = [(1.0, 2.0), (2.0, 4.0), (3.0, 900.0), (4.0, 8.0), (5.0, 10.0)];
        assert_eq!(DeviceScale::scale(&pairs), DeviceScale { scale: 2.0, exponent: 1.0 });
        assert_eq!(DeviceScale::scale(&pairs[..2]).scale, 2.0);
        assert_eq!(DeviceScale::scale(&[]), DeviceScale::default());
    }

    #[test]
    fn a_power_law_is_found_and_composed() {
        let law = DeviceScale { scale: 3.0, exponent: 0.8 };
        let pairs: Vec<(f64, f64)> = [0.3, 2.0, 17.0, 400.0].map(|x| (x, law.apply(x))).into();
        let found = DeviceScale::log_linear(&pairs);
        assert!((found.scale - 3.0).abs() < 1e-9 && (found.exponent - 0.8).abs() < 1e-9, "{found:?}");
        let inner = DeviceScale { scale: 0.5, exponent: 1.1 };
        assert!((found.after(inner).apply(7.0) / law.apply(inner.apply(7.0)) - 1.0).abs() < 1e-9);
        assert_eq!(DeviceScale::log_linear(&[(2.0, 1.0); 5]), DeviceScale { scale: 0.5, exponent: 1.0 });
    }
}
