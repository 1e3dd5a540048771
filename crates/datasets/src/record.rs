//! One measurement, and the name of the network that was measured.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use tachograph_ir::{Assignment, DType};

use crate::{Error, Estimate, Result};

/// Where a network comes from. Written `family:seed:index` or `file:path`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum NetworkId {
    /// The generator makes it again from these three.
    Generated {
        /// Name of the family, without a colon.
        family: String,
        /// Seed of the whole set.
        seed: u64,
        /// Position within the family.
        index: u64,
    },
    /// Read from a model file.
    File {
        /// The file, as the user named it.
        path: String,
    },
}

impl NetworkId {
    /// Id of a generated network.
    pub fn generated(family: impl Into<String>, seed: u64, index: u64) -> Self {
        Self::Generated { family: family.into(), seed, index }
    }

    /// Id of a network read from a file.
    pub fn file(path: impl Into<String>) -> Self {
        Self::File { path: path.into() }
    }

    /// The family; `file` for networks read from files.
    pub fn family(&self) -> &str {
        match self {
            Self::Generated { family, .. } => family,
            Self::File { .. } => "file",
        }
    }
}

impl fmt::Display for NetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generated { family, seed, index } => write!(f, "{family}:{seed}:{index}"),
            Self::File { path } => write!(f, "file:{path}"),
        }
    }
}

impl FromStr for NetworkId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(path) = text.strip_prefix("file:") {
            return Ok(Self::file(path));
        }
        let parse = || {
            let mut parts = text.split(':');
            let (family, seed, index) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            (!family.is_empty() && parts.next().is_none()).then(|| Self::generated(family, seed, index))
        };
        parse().ok_or_else(|| Error::NetworkId(text.into()))
    }
}

impl TryFrom<String> for NetworkId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<NetworkId> for String {
    fn from(id: NetworkId) -> Self {
        id.to_string()
    }
}

/// One measurement: a network under a configuration on a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What was measured.
    pub network: NetworkId,
    /// Hyperparameters bound for the run; the batch is one of them.
    pub config: Assignment,
    /// Name of the device in this set.
    pub device: String,
    /// Model of the CPU or GPU, as the system reports it.
    pub hardware: String,
    /// Frequency governor of the CPU; `none` where the system has none.
    pub governor: String,
    /// Element type of weights and activations.
    pub dtype: DType,
    /// Threads of the computation; on an accelerator, of the host.
    pub threads: u32,
    /// Median latency of one inference, in milliseconds, unless only memory was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_ms: Option<f64>,
    /// Interquartile range of the latencies, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iqr_ms: Option<f64>,
    /// Smallest latency, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_ms: Option<f64>,
    /// Inferences timed, warm-up not counted.
    #[serde(default)]
    pub repeats: u32,
    /// Peak memory of the run in bytes, where it could be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_bytes: Option<u64>,
    /// Energy of one inference in joules, where it could be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_j: Option<f64>,
    /// When, in RFC 3339.
    pub date: String,
    /// Library that ran the network, with its version.
    pub library: String,
    /// Version of the measurement protocol.
    pub protocol: u32,
    /// What a compiler estimated beside, where nothing was measured: the other numbers are its estimates too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
}

/// What makes two measurements on one device the same measurement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What is measured.
    pub network: NetworkId,
    /// Hyperparameters bound for the run.
    pub config: Assignment,
    /// Element type of weights and activations.
    pub dtype: DType,
    /// Threads of the computation.
    pub threads: u32,
}

impl Record {
    /// Its identity on its device.
    pub fn key(&self) -> Key {
        Key { network: self.network.clone(), config: self.config.clone(), dtype: self.dtype, threads: self.threads }
    }

    /// Checks what every measurement satisfies: times, all or none, are finite, 0 < min ≤ median, 0 ≤ spread, repeats > 0;
    /// without times there is a peak of memory and no energy; an energy is positive.
    ///
    /// # Errors
    /// The first field that does not.
    pub fn check(&self) -> Result<()> {
        let refuse = |message: String| Err(Error::Record { network: self.network.to_string(), message });
        if self.energy_j.is_some_and(|energy| !(energy.is_finite() && energy > 0.0)) {
            return refuse(format!("energy_j = {} is not a positive energy", self.energy_j.unwrap_or_default()));
        }
        let (median, min, iqr) = match (self.median_ms, self.min_ms, self.iqr_ms) {
            (Some(median), Some(min), Some(iqr)) => (median, min, iqr),
            (None, None, None) if self.peak_bytes.is_some() && self.energy_j.is_none() && self.repeats == 0 => {
                return Ok(());
            }
            _ => return refuse("median_ms, min_ms and iqr_ms, or none of them and peak_bytes".into()),
        };
        if !(median.is_finite() && median > 0.0) {
            return refuse(format!("median_ms = {median} is not a positive time"));
        }
        if !(min > 0.0 && min <= median) {
            return refuse(format!("min_ms = {min} is not in (0, median_ms = {median}]"));
        }
        if !(iqr.is_finite() && iqr >= 0.0) {
            return refuse(format!("iqr_ms = {iqr} is not a spread"));
        }
        if self.repeats == 0 {
            return refuse("repeats = 0".into());
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A plausible measurement.
    pub fn record(network: NetworkId, batch: u64, median_ms: f64) -> Record {
        Record {
            network,
            config: Assignment::from([("batch".into(), batch)]),
            device: "test-cpu".into(),
            hardware: "test".into(),
            governor: "none".into(),
            dtype: DType::F32,
            threads: 1,
            median_ms: Some(median_ms),
            iqr_ms: Some(0.01),
            min_ms: Some(median_ms * 0.9),
            repeats: 30,
            peak_bytes: None,
            energy_j: None,
            date: "2026-01-02T03:04:05Z".into(),
            library: "libtorch 2.11.0".into(),
            protocol: 1,
            estimate: None,
        }
    }

    #[test]
    fn ids_round_trip() {
        for id in [NetworkId::generated("resnet", 42, 7), NetworkId::file("a:b/c.onnx")] {
            assert_eq!(id.to_string().parse::<NetworkId>().unwrap(), id);
        }
        for bad in ["resnet", "resnet:1", "resnet:1:2:3", ":1:2", "resnet:x:2"] {
            assert!(bad.parse::<NetworkId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn refuses_times_that_are_none() {
        let good = record(NetworkId::generated("vgg", 1, 0), 1, 2.0);
        good.check().unwrap();
        for bad in [
            Record { median_ms: Some(f64::NAN), ..good.clone() },
            Record { median_ms: Some(-1.0), ..good.clone() },
            Record { min_ms: Some(3.0), ..good.clone() },
            Record { iqr_ms: Some(f64::INFINITY), ..good.clone() },
            Record { repeats: 0, ..good.clone() },
            Record { energy_j: Some(0.0), ..good.clone() },
            Record { median_ms: None, ..good.clone() },
            Record { median_ms: None, iqr_ms: None, min_ms: None, repeats: 0, ..good.clone() },
        ] {
            assert!(bad.check().unwrap_err().to_string().contains("vgg:1:0"));
        }
        Record { median_ms: None, iqr_ms: None, min_ms: None, repeats: 0, peak_bytes: Some(1), ..good }
            .check()
            .unwrap();
    }

    #[test]
    fn json_round_trip_keeps_every_bit() {
        let record = record(NetworkId::generated("vgg", 1, 0), 8, 1.0 / 3.0);
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
    }
}
