//! Errors in the unit of the target.

use ndarray::ArrayView1;

use crate::{
    Error, Result,
    input::{is_constant, pair},
};

/// Mean absolute error, mean |p − y|.
///
/// # Errors
/// Unequal lengths, no samples, values that are not finite.
pub fn mae<'a>(predicted: impl Into<ArrayView1<'a, f64>>, measured: impl Into<ArrayView1<'a, f64>>) -> Result<f64> {
    mean(predicted, measured, |p, y| (p - y).abs())
}

/// Root mean squared error, √(mean (p − y)²).
///
/// # Errors
/// As [`mae`].
pub fn rmse<'a>(predicted: impl Into<ArrayView1<'a, f64>>, measured: impl Into<ArrayView1<'a, f64>>) -> Result<f64> {
    mean(predicted, measured, |p, y| (p - y).powi(2)).map(f64::sqrt)
}

/// Mean signed error, mean (p − y): positive where predictions are too large.
///
/// # Errors
/// As [`mae`].
pub fn bias<'a>(predicted: impl Into<ArrayView1<'a, f64>>, measured: impl Into<ArrayView1<'a, f64>>) -> Result<f64> {
    mean(predicted, measured, |p, y| p - y)
}

/// Coefficient of determination, 1 − Σ(p − y)² / Σ(y − ȳ)².
///
/// # Errors
/// As [`mae`]; undefined where all measured values are equal (a single one among them).
pub fn r2<'a>(predicted: impl Into<ArrayView1<'a, f64>>, measured: impl Into<ArrayView1<'a, f64>>) -> Result<f64> {
    let (predicted, measured) = pair(predicted, measured)?;
    let centre = measured.sum() / measured.len() as f64;
    let total: f64 = measured.iter().map(|y| (y - centre).powi(2)).sum();
    if is_constant(measured) || total == 0.0 {
        return Err(Error::Undefined { metric: "R²", reason: "the measured values are all equal" });
    }
    let residual: f64 = predicted.iter().zip(measured).map(|(p, y)| (p - y).powi(2)).sum();
    Ok(1.0 - residual / total)
}

fn mean<'a>(
    predicted: impl Into<ArrayView1<'a, f64>>,
    measured: impl Into<ArrayView1<'a, f64>>,
    error: impl Fn(f64, f64) -> f64,
) -> Result<f64> {
    let (predicted, measured) = pair(predicted, measured)?;
    Ok(predicted.iter().zip(measured).map(|(&p, &y)| error(p, y)).sum::<f64>() / predicted.len() as f64)
}
