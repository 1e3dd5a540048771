//! What several methods compute of numbers.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use crate::{Error, Result};

/// [`tachograph_metrics::median`], not a number where there are no values.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    quantile(&values.into_iter().collect::<Vec<_>>(), 0.5)
}

/// [`tachograph_metrics::quantile`], not a number where there are no values.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    tachograph_metrics::quantile(values, share).unwrap_or(f64::NAN)
}

/// Refuses what is not finite.
pub fn finite(what: &'static str, values: &[f64]) -> Result<()> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(sample) => Err(Error::Value { what, sample, value: values[sample] }),
        None => Ok(()),
    }
}

/// Rows as a matrix whose columns have mean 0 and variance 1; constant columns are left out.
pub fn standardised(rows: &[Vec<f64>]) -> Result<DMatrix<f64>> {
    let width = rows.first().map_or(0, Vec::len);
    for row in rows {
        if row.len() != width {
            return Err(Error::Mismatch { what: "columns of a network", found: row.len(), expected: width });
        }
        finite("the column", row)?;
    }
    let mut kept = Vec::new();
    for c in 0..width {
        let column = DVector::from_iterator(rows.len(), rows.iter().map(|row| row[c]));
        let (mean, deviation) = (column.mean(), column.variance().sqrt());
        if deviation > 1e-9 * mean.abs() && deviation > 0.0 {
            kept.push(column.add_scalar(-mean) / deviation);
        }
    }
    Ok(if kept.is_empty() { DMatrix::zeros(rows.len(), 0) } else { DMatrix::from_columns(&kept) })
}

/// Factor of a covariance or a precision, of `what`.
pub fn cholesky(what: &str, matrix: DMatrix<f64>) -> Result<Cholesky<f64, Dyn>> {
    Cholesky::new(matrix)
        .ok_or_else(|| Error::Library { library: "nalgebra", message: format!("{what}: not positive definite") })
}
