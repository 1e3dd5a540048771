//! What all published sets have in common.

use std::fmt;

use serde::{Deserialize, Serialize};
use tachograph_ir::Graph;

use crate::{About, DeviceSplit, Error, Result};

/// What was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// One inference.
    Inference,
    /// One step of training.
    Training,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inference => "inference",
            Self::Training => "training",
        })
    }
}

/// One measurement of a set, in the form that all sets share. Typed records hold more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Name of the network, unique within the set.
    pub network: String,
    /// Family of the network: what may be left out whole.
    pub family: String,
    /// Name of the device within the set, with the setting where a device has several.
    pub device: String,
    /// Images or sequences a run.
    pub batch: u64,
    /// What was run.
    pub phase: Phase,
    /// Time of one run of the whole batch, in the set's [`About::unit`].
    pub time: f64,
    /// True where the time was calculated, not measured.
    pub estimated: bool,
    /// Number of the compiler configuration, where one network has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<u64>,
    /// Peak memory in MB, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<f64>,
    /// Energy of a run in J, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_j: Option<f64>,
}

impl Sample {
    /// A measured inference.
    pub fn new(
        network: impl Into<String>,
        family: impl Into<String>,
        device: impl Into<String>,
        batch: u64,
        time: f64,
    ) -> Self {
        Self {
            network: network.into(),
            family: family.into(),
            device: device.into(),
            batch,
            phase: Phase::Inference,
            time,
            estimated: false,
            configuration: None,
            memory_mb: None,
            energy_j: None,
        }
    }
}

/// The samples of a set, one by one.
pub type Samples<'a> = Box<dyn Iterator<Item = Result<Sample>> + 'a>;

/// What networks ran on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RanOn {
    /// Model of the CPU or GPU.
    pub hardware: String,
    /// Threads of the computation, on an accelerator of the host; 0 where it is not recorded.
    pub threads: u32,
    /// Library with its version and settings.
    pub library: String,
}

/// A set of measurements.
pub trait Source: Send + Sync {
    /// What the set is, where it comes from and where it lies.
    fn about(&self) -> &'static About;

    /// All samples, in the order of the files. Large sets are read while they are iterated.
    ///
    /// # Errors
    /// A file that is missing or cannot be read. Rows that are not what they should be are errors of the iterator.
    fn samples(&self) -> Result<Samples<'_>>;

    /// What a device of the set is, where the set says.
    fn ran_on(&self, _device: &str) -> Option<RanOn> {
        None
    }

    /// Names of devices that measured the same networks, the second with a later version of the library.
    fn measured_again(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// The splits over devices that were published with the set.
    fn splits(&self) -> Vec<DeviceSplit> {
        Vec::new()
    }

    /// The graph of a network of the set.
    ///
    /// # Errors
    /// The set has no such network, or none that can be read here.
    fn graph(&self, network: &str) -> Result<Graph> {
        Err(Error::NoGraph { set: self.about().name, network: network.into(), message: "the set holds none".into() })
    }
}
