//! Correlation of values and of ranks.

use ndarray::ArrayView1;

use crate::{
    Error, Result,
    input::{is_constant, pair},
    order::{keys, order},
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
    let (predicted, measured) = (ranks(predicted)?, ranks(measured)?);
    correlate("Spearman's correlation", (&predicted).into(), (&measured).into())
}

/// Ranks from 1; equal values share the mean of their ranks. NaN ranks behind every number.
///
/// # Errors
/// More than 2³² values.
pub fn ranks<'a>(values: impl Into<ArrayView1<'a, f64>>) -> Result<Vec<f64>> {
    let keys = keys(values.into());
    let order = order(&keys)?;
    let mut ranks = vec![0.0; keys.len()];
    order.positions.iter().enumerate().for_each(|(rank, &i)| ranks[i as usize] = rank as f64 + 1.0);
    for tied in order.ties {
        let rank = (tied.start + tied.end + 1) as f64 / 2.0;
        order.positions[tied].iter().for_each(|&i| ranks[i as usize] = rank);
    }
    Ok(ranks)
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
