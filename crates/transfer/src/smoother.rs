//! Times freed of noise.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use crate::{
    Error, Result,
    statistics::{cholesky, finite, standardised},
};

/// Ridge regression of relative times on descriptions of networks, such as which operator stands where. Times of known
/// devices carry noise, and rounding to whole milliseconds; what networks have in common does not.
#[derive(Clone, Debug)]
pub struct Smoother {
    columns: DMatrix<f64>,
    factor: Cholesky<f64, Dyn>,
}

impl Smoother {
    /// For networks described by rows of equal length, with a penalty on squared weights of standardised columns.
    ///
    /// # Errors
    /// Rows of different length, numbers that are not finite, a penalty that is not positive.
    pub fn new(descriptions: &[Vec<f64>], ridge: f64) -> Result<Self> {
        if !(ridge > 0.0 && ridge.is_finite()) {
            return Err(Error::Value { what: "the penalty", sample: 0, value: ridge });
        }
        let columns = standardised(descriptions)?;
        let mut gram = columns.tr_mul(&columns);
        (0..gram.nrows()).for_each(|i| gram[(i, i)] += ridge);
        Ok(Self { columns, factor: cholesky("descriptions of networks", gram)? })
    }

    /// Smoothed times of a device, from its times on every network.
    ///
    /// # Errors
    /// Another number of times than of networks; numbers that are not finite.
    pub fn smooth(&self, times: &[f64]) -> Result<Vec<f64>> {
        let expected = self.columns.nrows();
        if times.len() != expected {
            return Err(Error::Mismatch { what: "times of a device", found: times.len(), expected });
        }
        finite("the time", times)?;
        let times = DVector::from_column_slice(times);
        let mean = times.mean();
        let weights = self.factor.solve(&self.columns.tr_mul(&times.add_scalar(-mean)));
        Ok((&self.columns * weights).add_scalar(mean).iter().copied().collect())
    }
}
