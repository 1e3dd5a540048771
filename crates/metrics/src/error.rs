//! Errors of this crate.

use std::fmt;

/// Which of the two inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first argument.
    Predicted,
    /// The second argument.
    Measured,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Predicted => "predicted",
            Self::Measured => "measured",
        })
    }
}

/// Why a metric has no value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The inputs differ in length.
    #[error("{predicted} predicted values for {measured} {what}")]
    Lengths {
        /// Number of predictions.
        predicted: usize,
        /// Length of the other input.
        measured: usize,
        /// What the other input is.
        what: &'static str,
    },
    /// There are no samples.
    #[error("no samples")]
    Empty,
    /// A value is NaN or infinite.
    #[error("{side} value {index} is {value}")]
    NotFinite {
        /// Which input.
        side: Side,
        /// Position, from 0.
        index: usize,
        /// The value.
        value: f64,
    },
    /// A relative error has no meaning where the target is zero.
    #[error("measured value {index} is zero: its relative error is not defined")]
    ZeroTarget {
        /// Position, from 0.
        index: usize,
    },
    /// The metric is not defined on these values.
    #[error("{metric} is not defined: {reason}")]
    Undefined {
        /// The metric.
        metric: &'static str,
        /// Why.
        reason: &'static str,
    },
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
