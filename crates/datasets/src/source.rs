//! What all sets of measurements have in common.

use serde::Serialize;
use tachograph_ir::Graph;

use crate::{About, DeviceSplit, Error, Measurement, Result};

/// The measurements of a set, one by one.
pub type Measurements<'a> = Box<dyn Iterator<Item = Result<Measurement>> + 'a>;

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

    /// The name that reports and checkpoints call this set by: of one without a name of its own, where it lies.
    fn name(&self) -> String {
        self.about().name.into()
    }

    /// All measurements, in the order of the files. Large sets are read while they are iterated.
    ///
    /// # Errors
    /// A file that is missing or cannot be read. Rows that are not what they should be are errors of the iterator.
    fn measurements(&self) -> Result<Measurements<'_>>;

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
        Err(Error::NoGraph { set: self.name(), network: network.into(), message: "the set holds none".into() })
    }
}
