//! Checks that every metric makes.

use ndarray::ArrayView1;

use crate::{Error, Result, Side};

/// Both inputs, of one length above zero, all finite.
pub fn pair<'a>(
    predicted: impl Into<ArrayView1<'a, f64>>,
    measured: impl Into<ArrayView1<'a, f64>>,
) -> Result<(ArrayView1<'a, f64>, ArrayView1<'a, f64>)> {
    let (predicted, measured) = (predicted.into(), measured.into());
    if predicted.len() != measured.len() {
        let (predicted, measured) = (predicted.len(), measured.len());
        return Err(Error::Lengths { predicted, measured, what: "measured values" });
    }
    if predicted.is_empty() {
        return Err(Error::Empty);
    }
    for (side, values) in [(Side::Predicted, &predicted), (Side::Measured, &measured)] {
        if let Some((index, &value)) = values.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(Error::NotFinite { side, index, value });
        }
    }
    Ok((predicted, measured))
}

/// True when all values are equal.
pub fn is_constant(values: ArrayView1<'_, f64>) -> bool {
    values.iter().all(|v| Some(v) == values.first())
}
