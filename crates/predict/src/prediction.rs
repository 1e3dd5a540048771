//! What a prediction says, in its unit.

use std::fmt;

use serde::{Deserialize, Serialize};
use tachograph_ir::{Bytes, Joules, Millis, Quantity};

use crate::Outside;

/// An amount of time, memory or energy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Amount {
    /// Time of one run of the whole batch.
    Latency(Millis),
    /// Peak memory of a run.
    Memory(Bytes),
    /// Energy of a run.
    Energy(Joules),
}

impl Amount {
    /// Of a number in the [unit](Quantity::unit) of `quantity`: milliseconds, MB or joules.
    pub fn new(quantity: Quantity, value: f64) -> Self {
        match quantity {
            Quantity::Latency => Self::Latency(Millis(value)),
            // A cast of a float saturates: what no machine has stays no machine's.
            Quantity::Memory => Self::Memory(Bytes((1e6 * value).round() as u64)),
            Quantity::Energy => Self::Energy(Joules(value)),
        }
    }

    /// Which quantity it is.
    pub fn quantity(self) -> Quantity {
        match self {
            Self::Latency(_) => Quantity::Latency,
            Self::Memory(_) => Quantity::Memory,
            Self::Energy(_) => Quantity::Energy,
        }
    }

    /// The number in the [unit](Quantity::unit) of its quantity: milliseconds, MB or joules.
    pub fn value(self) -> f64 {
        match self {
            Self::Latency(ms) => ms.0,
            Self::Memory(bytes) => bytes.0 as f64 / 1e6,
            Self::Energy(joules) => joules.0,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} {}", self.value(), self.quantity().unit())
    }
}

/// Where a measurement lies.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bounds {
    /// Lower end.
    pub low: Amount,
    /// Upper end.
    pub high: Amount,
    /// The share of measurements that it is to cover, such as 0.8; `None` where no share is promised.
    pub nominal: Option<f64>,
    /// What it was calibrated on, or what lies within.
    pub source: String,
}

/// A prediction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// Of one run of the whole batch.
    pub value: Amount,
    /// Where the measurement lies, if that is known for this output. Far from what was learned no share of measurements is
    /// promised.
    pub bounds: Option<Bounds>,
    /// What lies outside of what the checkpoint learned from; where anything does, its errors say nothing of this one.
    pub outside: Vec<Outside>,
}

impl Prediction {
    /// Operators that the training set did not have.
    pub fn unknown_operators(&self) -> &[String] {
        let names = |outside: &Outside| matches!(outside, Outside::Operators { .. });
        match self.outside.iter().find(|outside| names(outside)) {
            Some(Outside::Operators { names, .. }) => names,
            _ => &[],
        }
    }
}
