//! Correlation of values and of ranks.

use ndarray::ArrayView1;

use crate::{
    Error, Result,
    input::{is_constant, pair},
};

/// Pearson's correlation, Σ(p − p̄)(y − ȳ) / √(Σ(p − p̄)² Σ(y − ȳ)²).
///
/// # Errors
/// Unequal lengths, no samples, values that are not finite; undefined where an input is constant.
pub fn pearson<'a>(predicted: impl Into<ArrayView1<'a, f64>>, measured: impl Into<ArrayView1<'a, f64>>) -> Result<f64> {
    let (predicted, measured) = pair(predicted, measured)?;
    correlate("Pearson's correlation", predicted, measured)
}

/// Spearman's rank correlation: Pearson's correlation of average [`ranks`].
///
/// # Errors
/// As [`pearson`].
pub fn spearman<'a>(
    predicted: impl Into<ArrayView1<'a, f64>>,
    measured: impl Into<ArrayView1<'a, f64>>,
) -> Result<f64> {
    let (predicted, measured) = pair(predicted, measured)?;
    let (predicted, measured) = (ranks(predicted), ranks(measured));
    correlate("Spearman's correlation", (&predicted).into(), (&measured).into())
}

/// Ranks from 1; equal values share the mean of their ranks. NaN ranks behind every number.
pub fn ranks<'a>(values: impl Into<ArrayView1<'a, f64>>) -> Vec<f64> {
    // Adding zero turns −0 into 0, which total_cmp would tell apart.
    let values: Vec<f64> = values.into().iter().map(|v| v + 0.0).collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut done = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = done as f64 + (tied.len() + 1) as f64 / 2.0;
        tied.iter().for_each(|&i| ranks[i] = rank);
        done += tied.len();
    }
    ranks
}

fn correlate(metric: &'static str, a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> Result<f64> {
    let constant = Error::Undefined { metric, reason: "an input is constant" };
    if is_constant(a) || is_constant(b) {
        return Err(constant);
    }
    let centred = |v: ArrayView1<'_, f64>| {
        let centre = v.sum() / v.len() as f64;
        v.mapv(|x| x - centre)
    };
    let (a, b) = (centred(a), centred(b));
    let norm = a.dot(&a).sqrt() * b.dot(&b).sqrt();
    if norm == 0.0 || !norm.is_finite() {
        return Err(constant);
    }
    Ok((a.dot(&b) / norm).clamp(-1.0, 1.0))
}
