//! Folds of a cross-validation, as positions.

/// One fold: what is held out, and what is left to fit on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Positions held out.
    pub held: Vec<usize>,
    /// All others.
    pub known: Vec<usize>,
}

/// `k` folds of `n` samples, or as many as there are samples: sample i is held out in fold i mod k. Shuffle the samples
/// first where their order means something.
///
/// ```
/// use tachograph_metrics::folds;
/// let held: Vec<_> = folds(5, 2).map(|fold| fold.held).collect();
/// assert_eq!(held, [vec![0, 2, 4], vec![1, 3]]);
/// ```
pub fn folds(n: usize, k: usize) -> impl ExactSizeIterator<Item = Fold> {
    let k = k.min(n);
    (0..k).map(move |fold| {
        let (held, known) = (0..n).partition(|i| i % k == fold);
        Fold { held, known }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_held_out_once() {
        for (n, k, expected) in [(10, 3, 3), (2, 10, 2), (0, 5, 0), (5, 0, 0)] {
            let all: Vec<Fold> = folds(n, k).collect();
            assert_eq!(all.len(), expected, "{n} in {k}");
            assert!(all.iter().all(|fold| fold.held.len() + fold.known.len() == n));
            let mut held: Vec<usize> = all.into_iter().flat_map(|fold| fold.held).collect();
            held.sort_unstable();
            assert!(expected == 0 || held.into_iter().eq(0..n));
        }
    }
}
