//! Metrics over pairs of samples.

use std::ops::Range;

use ndarray::ArrayView1;

use crate::{
    Error, Result,
    input::pair,
    inversions::inversions,
    order::{Order, keys, order},
};

/// How the pairs of samples are ordered by prediction and by measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PairCounts {
    /// All pairs, n(n − 1)/2.
    pub total: u64,
    /// Ordered alike, strictly, by both.
    pub concordant: u64,
    /// Ordered oppositely.
    pub discordant: u64,
    /// Predictions equal, measurements not considered.
    pub tied_predicted: u64,
    /// Measurements equal, predictions not considered.
    pub tied_measured: u64,
    /// Equal in both.
    pub tied_both: u64,
}

impl PairCounts {
    /// Counts in O(n log n): sorts by measurement and by prediction, then counts the inversions of the one order
    /// in the other (Knight, 1966).
    ///
    /// # Errors
    /// Unequal lengths, no samples, values that are not finite.
    pub fn new<'a>(
        predicted: impl Into<ArrayView1<'a, f64>>,
        measured: impl Into<ArrayView1<'a, f64>>,
    ) -> Result<Self> {
        let (predicted, measured) = pair(predicted, measured)?;
        let total = choose_two(predicted.len());

        // By measurement first, then by prediction: stable, so that equal predictions stay in order of measurement.
        let by_measurement = order(&keys(measured))?;
        let tied_measured = by_measurement.ties.iter().map(|tied| choose_two(tied.len())).sum();
        let predicted = keys(predicted);
        let predicted: Vec<u64> = by_measurement.positions.iter().map(|&i| predicted[i as usize]).collect();
        let Order { positions: mut ranks, ties } = order(&predicted)?;
        let tied_predicted = ties.iter().map(|tied| choose_two(tied.len())).sum::<u64>();

        let mut tied_both = 0;
        if !by_measurement.ties.is_empty() {
            // Ranks of equal measurements are given out in order of prediction: they then make no inversion.
            let mut first: Vec<u32> = (0..).take(ranks.len()).collect();
            by_measurement.ties.iter().for_each(|tied| first[tied.clone()].fill(tied.start as u32));
            let both =
                |tied: &Range<usize>| ranks[tied.clone()].chunk_by(|&a, &b| first[a as usize] == first[b as usize]);
            tied_both = ties.iter().flat_map(both).map(|tied| choose_two(tied.len())).sum();
            let mut next = first.clone();
            for rank in &mut ranks {
                let next = &mut next[first[*rank as usize] as usize];
                *rank = *next;
                *next += 1;
            }
        }
        let discordant = inversions(ranks);
        let concordant = total + tied_both - tied_predicted - tied_measured - discordant;
        Ok(Self { total, concordant, discordant, tied_predicted, tied_measured, tied_both })
    }
}

/// Kendall's τ-b, (concordant − discordant) / √((total − ties in p)(total − ties in y)), in O(n log n).
///
/// # Errors
/// As [`PairCounts::new`]; undefined where an input is constant.
pub fn kendall<'a>(predicted: impl Into<ArrayView1<'a, f64>>, measured: impl Into<ArrayView1<'a, f64>>) -> Result<f64> {
    let counts = PairCounts::new(predicted, measured)?;
    let untied = |ties: u64| (counts.total - ties) as f64;
    let norm = untied(counts.tied_predicted).sqrt() * untied(counts.tied_measured).sqrt();
    if norm == 0.0 {
        return Err(Error::Undefined { metric: "Kendall's τ", reason: "an input is constant" });
    }
    Ok(((counts.concordant as f64 - counts.discordant as f64) / norm).clamp(-1.0, 1.0))
}

/// Ordered-pair accuracy: of the pairs with yᵢ > yⱼ, the share with pᵢ > pⱼ.
///
/// # Errors
/// As [`PairCounts::new`]; undefined where all measured values are equal.
pub fn ordered_pair_accuracy<'a>(
    predicted: impl Into<ArrayView1<'a, f64>>,
    measured: impl Into<ArrayView1<'a, f64>>,
) -> Result<f64> {
    let counts = PairCounts::new(predicted, measured)?;
    match counts.total - counts.tied_measured {
        0 => Err(Error::Undefined { metric: "ordered-pair accuracy", reason: "the measured values are all equal" }),
        ordered => Ok(counts.concordant as f64 / ordered as f64),
    }
}

/// Pairwise accuracy: of all pairs, the share whose predicted and measured order agree; pairs tied in both agree.
///
/// # Errors
/// As [`PairCounts::new`]; undefined for a single sample.
pub fn pairwise_accuracy<'a>(
    predicted: impl Into<ArrayView1<'a, f64>>,
    measured: impl Into<ArrayView1<'a, f64>>,
) -> Result<f64> {
    let counts = PairCounts::new(predicted, measured)?;
    match counts.total {
        0 => Err(Error::Undefined { metric: "pairwise accuracy", reason: "there is one sample" }),
        total => Ok((counts.concordant + counts.tied_both) as f64 / total as f64),
    }
}

fn choose_two(n: usize) -> u64 {
    let n = n as u64;
    n * n.saturating_sub(1) / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By definition, in O(n²).
    fn naive(p: &[f64], y: &[f64]) -> PairCounts {
        let mut counts = PairCounts::default();
        for i in 0..p.len() {
            for j in 0..i {
                let (a, b) = (p[i].partial_cmp(&p[j]).unwrap(), y[i].partial_cmp(&y[j]).unwrap());
                counts.total += 1;
                counts.tied_predicted += u64::from(a.is_eq());
                counts.tied_measured += u64::from(b.is_eq());
                counts.tied_both += u64::from(a.is_eq() && b.is_eq());
                counts.concordant += u64::from(a.is_ne() && a == b);
                counts.discordant += u64::from(a.is_ne() && a == b.reverse());
            }
        }
        counts
    }

    proptest! {
        #[test]
        fn counts_are_those_of_the_definition(samples in prop::collection::vec((-4i8..4, -4i8..4), 1..900)) {
            let (p, y): (Vec<f64>, Vec<f64>) =
                samples.iter().map(|&(p, y)| (f64::from(p) * 0.5, f64::from(y) * -0.1)).unzip();
            prop_assert_eq!(PairCounts::new(&p, &y).unwrap(), naive(&p, &y));
        }
    }
}
