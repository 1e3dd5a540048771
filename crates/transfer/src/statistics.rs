//! What several methods compute of numbers.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use crate::{Error, Result};

/// The middle one, or the mean of the two in the middle; NaN where there is none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    quantile(&values.into_iter().collect::<Vec<_>>(), 0.5)
}

/// The value that this share of all lies below, between the two nearest ones in proportion; NaN where there is none.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * sorted.len().saturating_sub(1) as f64;
    let at = |i: f64| sorted.get(i as usize).copied().unwrap_or(f64::NAN);
    let (low, high) = (at(place.floor()), at(place.ceil()));
    low + (high - low) * place.fract()
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
