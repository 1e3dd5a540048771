//! Predictors without a network: what a network must beat.
//!
//! Each is fitted on [`StaticRow`]s and latencies in milliseconds and predicts milliseconds.
//!
//! ```
//! use tachograph_transfer::baseline::{Baseline, FlopsLine, StaticRow};
//! use tachograph_ir::{Builder, Assignment, DType};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let row = |channels| -> Result<StaticRow, Box<dyn std::error::Error>> {
//! #     let mut b = Builder::new("tiny");
//! #     let x = b.input("x", DType::F32, vec![1.into(), 3.into(), 32.into(), 32.into()]);
//! #     let x = b.conv(x, channels, [3, 3], 1, 1, 1, true)?;
//! #     Ok(StaticRow::new(&b.finish(&[x])?.bind(&Assignment::new())?)?)
//! # };
//! let rows = [row(8)?, row(16)?, row(32)?];
//! let mut line = FlopsLine::default();
//! line.fit(&rows, &[1.0, 2.0, 4.0])?;
//! assert!((line.predict(&row(64)?)? - 8.0).abs() < 1e-6);
//! # Ok(())
//! # }
//! ```

mod flops_line;
#[cfg(feature = "gbdt")]
mod gbdt;
mod kernels;
mod least_squares;
mod log_linear;
mod non_negative;
mod resident;
mod roofline;
mod row;

use crate::{Error, Result};

pub use flops_line::FlopsLine;
#[cfg(feature = "gbdt")]
pub use gbdt::Gbdt;
pub use kernels::Kernels;
pub use log_linear::LogLinear;
pub use resident::Resident;
pub use roofline::Roofline;
pub use row::StaticRow;

/// A predictor of latency from costs on paper.
pub trait Baseline {
    /// Name in tables.
    fn name(&self) -> &'static str;

    /// Fits on training data: rows and their latencies in milliseconds.
    ///
    /// # Errors
    /// Lengths that differ, too few samples, a latency that is not positive and finite.
    fn fit(&mut self, rows: &[StaticRow], latencies: &[f64]) -> Result<()>;

    /// Latency in milliseconds, above zero.
    ///
    /// # Errors
    /// It needs fitting and was not fitted.
    fn predict(&self, row: &StaticRow) -> Result<f64>;
}

/// Every baseline that needs no device file.
pub fn all() -> Vec<Box<dyn Baseline>> {
    vec![
        Box::new(FlopsLine::default()),
        Box::new(LogLinear::default()),
        #[cfg(feature = "gbdt")]
        Box::new(Gbdt::default()),
        Box::new(Kernels::default()),
    ]
}

/// What every fit checks first.
fn check(what: &'static str, rows: &[StaticRow], latencies: &[f64], needed: usize) -> Result<()> {
    if rows.len() != latencies.len() {
        return Err(Error::Mismatch { what: "latencies", found: latencies.len(), expected: rows.len() });
    }
    if rows.len() < needed {
        return Err(Error::TooFew { what, samples: rows.len(), needed });
    }
    match latencies.iter().position(|t| !(t.is_finite() && *t > 0.0)) {
        Some(sample) => Err(Error::Value { what: "latency", sample, value: latencies[sample] }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
