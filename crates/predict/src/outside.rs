//! What of a network lies outside of what a checkpoint learned from.

use std::fmt;

use serde::Serialize;
use tachograph_ir::DType;

/// A reason why a prediction is worth less than those that a checkpoint was tested on. Displayed as one line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// Types that no network of the training set computed in.
    Types {
        /// The types.
        types: Vec<DType>,
        /// Those that the device file has no peak for.
        converted: Vec<DType>,
        /// The type that they are predicted from.
        learned: DType,
    },
    /// Operators that no network of the training set had.
    Operators {
        /// Their names.
        names: Vec<String>,
        /// Their part of the roofline, as a fraction.
        share: f64,
    },
    /// A batch far from all that were measured.
    Batch {
        /// The batch.
        batch: u64,
        /// Least and greatest that were.
        seen: (u64, u64),
    },
    /// A value far from all that were measured.
    Value {
        /// Least and greatest that were, with their unit.
        seen: (f64, f64),
        /// ms, MB or J.
        unit: &'static str,
    },
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |types: &[DType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::Types { types, converted, learned } => {
                write!(f, "no network in {} was ever learned from: ", list(types))?;
                match types.iter().any(|dtype| !converted.contains(dtype)) {
                    true => write!(f, "predicted from {learned} by the peaks of the device file")?,
                    false => write!(f, "predicted as if computed in {learned}, on other bytes")?,
                }
                if !converted.is_empty() && converted.len() < types.len() {
                    write!(f, ", {} as if computed in {learned}", list(converted))?;
                }
                write!(f, "; a library without kernels for it can take many times as long")
            }
            Self::Operators { names, share } => {
                let share = 100.0 * share;
                write!(
                    f,
                    "never seen in training: {} ({share:.1} % of a roofline, which is all that they are predicted by)",
                    names.join(", ")
                )
            }
            Self::Batch { batch, seen: (low, high) } if low == high => {
                write!(f, "batch {batch} is far from {low}, at which all networks were measured")
            }
            Self::Batch { batch, seen: (low, high) } => {
                write!(f, "batch {batch} is far outside the {low} to {high} measured")
            }
            Self::Value { seen: (low, high), unit } => {
                write!(f, "far outside the {low:.2} to {high:.0} {unit} trained on")
            }
        }
    }
}
