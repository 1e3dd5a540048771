//! What is measured and predicted.

use serde::{Deserialize, Serialize};

/// What is measured and predicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quantity {
    /// Time of one run of the whole batch, in milliseconds.
    #[default]
    Latency,
    /// Peak memory of a run, in MB (10⁶ bytes).
    Memory,
    /// Energy of a run, in joules.
    Energy,
}

impl Quantity {
    /// Every quantity.
    pub const ALL: [Self; 3] = [Self::Latency, Self::Memory, Self::Energy];

    /// Its unit.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Latency => "ms",
            Self::Memory => "MB",
            Self::Energy => "J",
        }
    }

    /// True for the quantity that is meant when none is named.
    pub fn is_latency(&self) -> bool {
        *self == Self::Latency
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Latency => "latency",
            Self::Memory => "memory",
            Self::Energy => "energy",
        })
    }
}
