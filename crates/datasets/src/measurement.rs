//! One measurement of a network, in the form that all sets share.

use std::fmt;

use serde::{Deserialize, Serialize};
use tachograph_ir::{Assignment, Bytes, Joules, Millis, Quantity};

/// What was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One inference.
    Inference,
    /// One step of training.
    Training,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inference => "inference",
            Self::Training => "training",
        })
    }
}

/// The number that was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measured {
    /// Time of one run of the whole batch.
    Latency(Millis),
    /// Peak memory of a run.
    Memory(Bytes),
    /// Energy of a run.
    Energy(Joules),
    /// A run time over a normaliser that was not published. It ranks within its set and is no time.
    Normalised(f64),
}

impl Measured {
    /// A time in milliseconds.
    pub fn ms(ms: f64) -> Self {
        Self::Latency(Millis(ms))
    }

    /// Memory from MB (10⁶ bytes), as tables have it.
    pub fn megabytes(mb: f64) -> Self {
        Self::Memory(Bytes((mb * 1e6).round() as u64))
    }

    /// What it is; `None` for a number without a unit.
    pub fn quantity(self) -> Option<Quantity> {
        match self {
            Self::Latency(_) => Some(Quantity::Latency),
            Self::Memory(_) => Some(Quantity::Memory),
            Self::Energy(_) => Some(Quantity::Energy),
            Self::Normalised(_) => None,
        }
    }

    /// Its [`unit`](Quantity::unit); `normalised` where it has none.
    pub fn unit(self) -> &'static str {
        self.quantity().map_or("normalised", Quantity::unit)
    }

    /// The number in its [`unit`](Self::unit): ms, MB or J.
    pub fn number(self) -> f64 {
        match self {
            Self::Latency(Millis(ms)) => ms,
            Self::Memory(Bytes(bytes)) => bytes as f64 / 1e6,
            Self::Energy(Joules(joules)) => joules,
            Self::Normalised(number) => number,
        }
    }
}

/// A number, what it is of, and where it comes from. A run whose time, memory and energy are known is three of them.
///
/// The typed records of a set hold more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Name of the network, unique within the set.
    pub network: String,
    /// Family of the network: what may be left out whole.
    pub family: String,
    /// Name of the device within the set, with the setting where a device has several.
    pub device: String,
    /// Hyperparameters of the network in the run. `batch`, in images or sequences a run, is one of them.
    pub assignment: Assignment,
    /// What was run.
    pub phase: Mode,
    /// What was measured.
    pub value: Measured,
    /// True where the value was calculated, not measured.
    pub estimated: bool,
    /// Number of the compiler configuration, where one network has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<u64>,
}

impl Measurement {
    /// What was measured of an inference.
    pub fn new(
        network: impl Into<String>,
        family: impl Into<String>,
        device: impl Into<String>,
        batch: u64,
        value: Measured,
    ) -> Self {
        Self {
            network: network.into(),
            family: family.into(),
            device: device.into(),
            assignment: Assignment::from([("batch".into(), batch)]),
            phase: Mode::Inference,
            value,
            estimated: false,
            configuration: None,
        }
    }

    /// Another number of the same run.
    #[must_use]
    pub fn with(&self, value: Measured) -> Self {
        Self { value, ..self.clone() }
    }

    /// Images or sequences a run; 1 where the run says none.
    pub fn batch(&self) -> u64 {
        self.assignment.get("batch").copied().unwrap_or(1)
    }
}
