//! Errors relative to the target, as shares: 0.1 is 10 %.

use ndarray::ArrayView1;

use crate::{Error, Result, input::pair};

/// Mean absolute percentage error, mean |p − y| / |y|. Some papers call it MRE.
///
/// # Errors
/// Unequal lengths, no samples, values that are not finite, a target of zero.
pub fn mape<'a>(predicted: impl Into<ArrayView1<'a, f64>>, measured: impl Into<ArrayView1<'a, f64>>) -> Result<f64> {
    let errors = errors(predicted, measured)?;
    Ok(errors.iter().sum::<f64>() / errors.len() as f64)
}

/// Root mean squared percentage error, √(mean ((p − y) / y)²).
///
/// # Errors
/// As [`mape`].
pub fn rmspe<'a>(predicted: impl Into<ArrayView1<'a, f64>>, measured: impl Into<ArrayView1<'a, f64>>) -> Result<f64> {
    let errors = errors(predicted, measured)?;
    Ok((errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64).sqrt())
}

/// Acc(δ), the share of samples with |p − y| / |y| ≤ δ. NNLQP calls it ErrBnd(δ).
///
/// # Errors
/// As [`mape`].
pub fn accuracy<'a>(
    predicted: impl Into<ArrayView1<'a, f64>>,
    measured: impl Into<ArrayView1<'a, f64>>,
    delta: f64,
) -> Result<f64> {
    let errors = errors(predicted, measured)?;
    Ok(errors.iter().filter(|&&e| e <= delta).count() as f64 / errors.len() as f64)
}

/// |p − y| / |y| of each sample.
pub(crate) fn errors<'a>(
    predicted: impl Into<ArrayView1<'a, f64>>,
    measured: impl Into<ArrayView1<'a, f64>>,
) -> Result<Vec<f64>> {
    let (predicted, measured) = pair(predicted, measured)?;
    if let Some(index) = measured.iter().position(|&y| y == 0.0) {
        return Err(Error::ZeroTarget { index });
    }
    Ok(predicted.iter().zip(measured).map(|(p, y)| (p - y).abs() / y.abs()).collect())
}
