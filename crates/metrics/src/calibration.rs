//! Whether predicted intervals hold what they promise.

use std::fmt;

use ndarray::ArrayView1;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, input::pair};

/// Coverage and width of predicted intervals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Number of samples.
    pub n: usize,
    /// Unit of the target, such as `ms`.
    pub unit: String,
    /// The share of samples that the intervals promise to cover.
    pub level: f64,
    /// Share of samples with low ≤ y ≤ high.
    pub coverage: f64,
    /// Mean of high − low, in `unit`.
    pub width: f64,
    /// Mean of (high − low) / |y|; `None` where a measured value is zero.
    pub relative_width: Option<f64>,
}

impl Calibration {
    /// Compares intervals `low` to `high`, meant to cover `level` of the samples, with what was measured.
    ///
    /// # Errors
    /// Unequal lengths, no samples, values that are not finite; undefined where `level` is not in (0, 1) or
    /// where an interval ends before it begins.
    pub fn new<'a>(
        low: impl Into<ArrayView1<'a, f64>>,
        high: impl Into<ArrayView1<'a, f64>>,
        measured: impl Into<ArrayView1<'a, f64>>,
        level: f64,
        unit: &str,
    ) -> Result<Self> {
        let undefined = |reason| Err(Error::Undefined { metric: "calibration", reason });
        let (low, measured) = pair(low, measured)?;
        let (high, _) = pair(high, measured)?;
        if !(level > 0.0 && level < 1.0) {
            return undefined("the level is not between 0 and 1");
        }
        if low.iter().zip(high).any(|(low, high)| low > high) {
            return undefined("an interval ends before it begins");
        }
        let n = measured.len() as f64;
        let covered = low.iter().zip(high).zip(measured).filter(|((low, high), y)| low <= y && y <= high).count();
        let relative = low.iter().zip(high).zip(measured).map(|((low, high), y)| (high - low) / y.abs()).sum::<f64>();
        Ok(Self {
            n: measured.len(),
            unit: unit.into(),
            level,
            coverage: covered as f64 / n,
            width: low.iter().zip(high).map(|(low, high)| high - low).sum::<f64>() / n,
            relative_width: measured.iter().all(|&y| y != 0.0).then_some(relative / n),
        })
    }
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n, unit, level, coverage, width, relative_width } = self;
        write!(f, "{:.1} % of {n} samples within intervals for {:.1} %", 100.0 * coverage, 100.0 * level)?;
        write!(f, ", mean width {width:.4} {unit}")?;
        relative_width.map_or(Ok(()), |width| write!(f, " ({:.1} % of the measured)", 100.0 * width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let found = Calibration::new(&[0.0, 1.0, 5.0], &[2.0, 3.0, 5.0], &[1.0, 4.0, 5.0], 0.9, "ms").unwrap();
        assert_eq!((found.n, found.coverage, found.width), (3, 2.0 / 3.0, 4.0 / 3.0));
        assert_eq!(found.relative_width, Some((2.0 + 0.5) / 3.0));
        let text = "66.7 % of 3 samples within intervals for 90.0 %, mean width 1.3333 ms (83.3 % of the measured)";
        assert_eq!(found.to_string(), text);
    }

    #[test]
    fn refuses_what_is_no_interval() {
        assert!(Calibration::new(&[2.0], &[1.0], &[1.0], 0.9, "ms").is_err());
        assert!(Calibration::new(&[0.0], &[1.0], &[1.0], 1.0, "ms").is_err());
        assert!(Calibration::new(&[0.0], &[1.0, 2.0], &[1.0], 0.9, "ms").is_err());
        assert!(Calibration::new(&[f64::NAN], &[1.0], &[1.0], 0.9, "ms").is_err());
        assert_eq!(Calibration::new(&[0.0], &[1.0], &[0.0], 0.9, "ms").unwrap().relative_width, None);
    }
}
