//! What an output was trained on, as far as it bounds what can be predicted.

use serde::{Deserialize, Serialize};
use tachograph_ir::DType;
use tachograph_metrics::median;

/// Most sizes at which ratios are kept.
const SIZES: usize = 8;

/// Fewest samples of a size.
const FEWEST: usize = 25;

/// How far beyond the ratios that were seen a prediction can go, as a logarithm: a factor of 1.5.
const MARGIN: f64 = 0.4;

/// What an output was trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Least and greatest batch.
    pub batches: (u64, u64),
    /// Types of the data that its networks compute with.
    pub types: Vec<DType>,
    /// Measured values over physical terms, by size, the smallest first.
    pub ratios: Vec<Ratios>,
}

/// Measured values over physical terms of the samples of one size. The physical term of a latency or an energy is the
/// roofline of the device file in ms, that of a memory what is resident, in MB.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratios {
    /// The physical term: the median of the samples.
    pub size: f64,
    /// Least ratio.
    pub low: f64,
    /// Median.
    pub middle: f64,
    /// Greatest.
    pub high: f64,
}

/// A sample of an output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The batch.
    pub batch: u64,
    /// Its physical term.
    pub physical: f64,
    /// What was measured.
    pub measured: f64,
}

impl Seen {
    /// What `samples` show; `None` without any whose values are positive.
    pub fn fit(samples: &[Sample], types: Vec<DType>) -> Option<Self> {
        let positive = |s: &&Sample| s.physical > 0.0 && s.measured > 0.0 && (s.measured / s.physical).is_finite();
        let mut samples: Vec<Sample> = samples.iter().filter(positive).copied().collect();
        samples.sort_by(|a, b| a.physical.total_cmp(&b.physical));
        let of = || samples.iter().map(|s| s.batch);
        let batches = (of().min()?, of().max()?);
        let chunk = samples.len().div_ceil((samples.len() / FEWEST).clamp(1, SIZES));
        let size = |part: &[Sample]| {
            let ratios: Vec<f64> = part.iter().map(|s| s.measured / s.physical).collect();
            Some(Ratios {
                size: median(&part.iter().map(|s| s.physical).collect::<Vec<_>>())?,
                low: ratios.iter().copied().fold(f64::INFINITY, f64::min),
                middle: median(&ratios)?,
                high: ratios.iter().copied().fold(0.0, f64::max),
            })
        };
        Some(Self { batches, types, ratios: samples.chunks(chunk).filter_map(size).collect() })
    }

    /// The ratios of networks of a size: between those of the sizes around it, and beyond the last as at the last.
    pub fn at(&self, physical: f64) -> Option<Ratios> {
        let above = self.ratios.partition_point(|ratios| ratios.size < physical);
        let (Some(a), Some(b)) = (self.ratios.get(above.saturating_sub(1)), self.ratios.get(above)) else {
            return self.ratios.last().copied();
        };
        let part = ((physical / a.size).ln() / (b.size / a.size).ln()).clamp(0.0, 1.0);
        // Of one size alone, or of two equal ones.
        let part = if part.is_nan() { 1.0 } else { part };
        let between = |a: f64, b: f64| (a.ln() + part * (b / a).ln()).exp();
        Some(Ratios {
            size: physical,
            low: between(a.low, b.low),
            middle: between(a.middle, b.middle),
            high: between(a.high, b.high),
        })
    }
}

/// A ratio held between two others: itself between them, and beyond either it bends, ever more slowly, towards a factor of
/// 1.5 from there, without a kink; but never below `floor`.
pub(crate) fn held(ratio: f64, low: f64, high: f64, floor: f64) -> f64 {
    let low = low.max(floor);
    let (x, least, most) = (ratio.ln(), low.ln(), high.max(low).ln());
    let bent = |beyond: f64, margin: f64| if margin > 0.0 { margin * (beyond / margin).tanh() } else { 0.0 };
    match x {
        _ if x > most => (most + bent(x - most, MARGIN)).exp(),
        _ if x < least => (least - bent(least - x, MARGIN.min(least - floor.ln()))).exp().max(floor),
        _ => ratio,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_follow_the_size_and_end_with_it() {
        let sample = |i: u32| {
            let physical = 2f64.powi(i as i32 / 25);
            Sample { batch: u64::from(i % 5) + 1, physical, measured: physical * (2.0 + f64::from(i % 25) / 25.0) }
        };
        let samples: Vec<Sample> = (0..100).map(sample).collect();
        let seen = Seen::fit(&samples, vec![DType::F32]).unwrap();
        assert_eq!((seen.batches, seen.ratios.len()), ((1, 5), 4));
        let at = seen.at(1e9).unwrap();
        assert_eq!((at.low, at.high), (2.0, 2.96));
        assert_eq!(seen.at(1e-9).unwrap().low, 2.0);
        assert!(Seen::fit(&[Sample { batch: 1, physical: 0.0, measured: 1.0 }], vec![]).is_none());
    }

    #[test]
    fn a_ratio_is_held_smoothly() {
        assert_eq!(held(1.7, 1.0, 2.0, 0.5), 1.7);
        assert!((held(2.02, 1.0, 2.0, 0.5) / 2.02 - 1.0).abs() < 1e-4);
        assert!(held(1e9, 1.0, 2.0, 0.5) <= 3.0 && held(1e9, 1.0, 2.0, 0.5) > 2.9);
        assert_eq!((held(1e-9, 1.1, 20.0, 1.0), held(0.9, 1.0, 20.0, 1.0), held(0.5, 0.1, 3.0, 1.0)), (1.0, 1.0, 1.0));
        assert!(held(0.9, 1.0, 2.0, 0.0) < 0.95);
        let both = [2.5, 2.6].map(|x| held(x, 1.0, 2.0, 0.5));
        assert!(both[0] < both[1] && both[1] < 2.6, "{both:?}");
    }
}
