//! Normalised discounted cumulative gain.

use ndarray::ArrayView1;

use crate::{Error, Result, input::pair};

/// NDCG@k = DCG@k of the predicted order / DCG@k of the best order, with
/// DCG@k = Σ_{r=1..k} gain_r / log₂(r + 1). Here, larger is better: `scores` ranks, `gains` ≥ 0 are the
/// true relevances and count linearly. Samples of equal score share the mean of their gains, as in scikit-learn.
///
/// # Errors
/// Unequal lengths, no samples, values that are not finite; undefined where `k` is 0, a gain is negative or all are zero.
pub fn ndcg<'a>(
    scores: impl Into<ArrayView1<'a, f64>>,
    gains: impl Into<ArrayView1<'a, f64>>,
    k: usize,
) -> Result<f64> {
    let (scores, gains) = pair(scores, gains)?;
    let undefined = |reason| Error::Undefined { metric: "NDCG", reason };
    if k == 0 {
        return Err(undefined("k is 0"));
    }
    if gains.iter().any(|&g| g < 0.0) {
        return Err(undefined("a gain is negative"));
    }
    match dcg(gains, gains, k) {
        0.0 => Err(undefined("every gain is zero")),
        best => Ok(dcg(scores, gains, k) / best),
    }
}

fn dcg(scores: ArrayView1<'_, f64>, gains: ArrayView1<'_, f64>, k: usize) -> f64 {
    let mut order: Vec<(f64, f64)> = scores.iter().zip(gains).map(|(&s, &g)| (s + 0.0, g)).collect();
    order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let discount = |rank: usize| if rank <= k { 1.0 / ((rank + 1) as f64).log2() } else { 0.0 };
    let (mut rank, mut sum) = (1, 0.0);
    for tied in order.chunk_by(|a, b| a.0 == b.0) {
        let gain = tied.iter().map(|t| t.1).sum::<f64>() / tied.len() as f64;
        sum += gain * (rank..rank + tied.len()).map(discount).sum::<f64>();
        rank += tied.len();
    }
    sum
}
