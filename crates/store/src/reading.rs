//! One measurement, as a store keeps it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tachograph_datasets::{Mode, NetworkId, Record};
use tachograph_ir::{Assignment, DType, Quantity};

use crate::{Error, Moment, Result};

/// What a measurement was made on and with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// What the device is called.
    pub device: String,
    /// Model of the CPU or GPU, as the system reports it.
    pub hardware: String,
    /// Threads of the computation; on an accelerator, of the host; 0 where it is not known.
    pub threads: u32,
    /// Library that ran the network, with its version.
    pub library: String,
    /// Element type of weights and activations.
    pub dtype: DType,
    /// Version of the device's driver; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// Frequency governor of the CPU; `none` where the system has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub governor: String,
}

/// One measurement of a network: what came out, how, when, and by whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// Images or sequences a run.
    pub batch: u64,
    /// What was run.
    pub mode: Mode,
    /// On what and with what.
    #[serde(flatten)]
    pub setup: Setup,
    /// Version of the measurement protocol.
    pub protocol: u32,
    /// Median latency of one run, in milliseconds, unless only memory was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_ms: Option<f64>,
    /// Interquartile range of the latencies, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iqr_ms: Option<f64>,
    /// Smallest latency, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_ms: Option<f64>,
    /// Runs timed, warm-up not counted.
    #[serde(default)]
    pub repeats: u32,
    /// Peak memory of the run in bytes, where it could be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_bytes: Option<u64>,
    /// Energy of one run in joules, where it could be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_j: Option<f64>,
    /// When.
    pub date: Moment,
    /// Who measured; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub who: String,
}

impl Reading {
    /// A record of a data set, measured at `batch`, as a reading.
    ///
    /// # Errors
    /// A date that is none.
    pub fn of(record: &Record, batch: u64, who: &str) -> Result<Self> {
        Ok(Self {
            batch,
            mode: Mode::Inference,
            setup: Setup {
                device: record.device.clone(),
                hardware: record.hardware.clone(),
                threads: record.threads,
                library: record.library.clone(),
                dtype: record.dtype,
                driver: String::new(),
                governor: record.governor.clone(),
            },
            protocol: record.protocol,
            median_ms: record.median_ms,
            iqr_ms: record.iqr_ms,
            min_ms: record.min_ms,
            repeats: record.repeats,
            peak_bytes: record.peak_bytes,
            energy_j: record.energy_j,
            date: record.date.parse()?,
            who: who.into(),
        })
    }

    /// The reading as a record of a data set, which knows neither who measured nor with which driver.
    pub fn record(&self, network: NetworkId, config: Assignment) -> Record {
        let Setup { device, hardware, threads, library, dtype, governor, .. } = self.setup.clone();
        Record {
            network,
            config,
            device,
            hardware,
            governor,
            dtype,
            threads,
            median_ms: self.median_ms,
            iqr_ms: self.iqr_ms,
            min_ms: self.min_ms,
            repeats: self.repeats,
            peak_bytes: self.peak_bytes,
            energy_j: self.energy_j,
            date: self.date.to_string(),
            library,
            protocol: self.protocol,
            estimate: None,
        }
    }

    /// The number of a quantity in its [`unit`](Quantity::unit), where it was measured.
    pub fn value(&self, quantity: Quantity) -> Option<f64> {
        match quantity {
            Quantity::Latency => self.median_ms,
            Quantity::Memory => self.peak_bytes.map(|bytes| bytes as f64 / 1e6),
            Quantity::Energy => self.energy_j,
        }
    }

    /// Checks what every measurement satisfies ([`Record::check`]) and what a store can hold.
    ///
    /// # Errors
    /// The first field that does not.
    pub fn check(&self) -> Result<()> {
        self.record(NetworkId::file(""), Assignment::new()).check().map_err(|error| match error {
            tachograph_datasets::Error::Record { message, .. } => Error::Invalid(format!("measurement: {message}")),
            error => Error::DataSet(error),
        })?;
        let Setup { device, hardware, library, driver, governor, threads, .. } = &self.setup;
        for (field, text, most) in [
            ("device", device, 200),
            ("hardware", hardware, 200),
            ("library", library, 200),
            ("driver", driver, 200),
            ("governor", governor, 100),
            ("who", &self.who, 200),
        ] {
            bounded(field, text, most)?;
        }
        let refuse = |message: &str| Err(Error::Invalid(format!("measurement: {message}")));
        let most = [self.median_ms, self.iqr_ms, self.energy_j].into_iter().flatten().fold(0.0, f64::max);
        match () {
            () if device.is_empty() => refuse("the device has no name"),
            () if *threads > 100_000 => refuse("more than 100,000 threads"),
            () if self.batch == 0 || i64::try_from(self.batch).is_err() => refuse("a batch that is none"),
            () if self.peak_bytes.is_some_and(|bytes| i64::try_from(bytes).is_err()) => refuse("a memory that is none"),
            () if most >= 1e12 => refuse("a number above 10^12"),
            () => Ok(()),
        }
    }

    /// Of the numbers: two measurements of one network in one setup at one time are the same if these agree.
    pub(crate) fn digest(&self) -> i64 {
        let mut hash = Sha256::new();
        for value in [self.median_ms, self.iqr_ms, self.min_ms, self.energy_j] {
            hash.update(value.map_or(u64::MAX, f64::to_bits).to_le_bytes());
        }
        hash.update(self.repeats.to_le_bytes());
        hash.update(self.peak_bytes.unwrap_or(u64::MAX).to_le_bytes());
        short(hash)
    }
}

/// The first eight bytes of a hash.
pub(crate) fn short(hash: Sha256) -> i64 {
    let bytes = hash.finalize();
    i64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
}

/// Refuses a text that is too long or has a character that databases cannot hold.
pub(crate) fn bounded(field: &str, text: &str, most: usize) -> Result<()> {
    match text.chars().count() {
        n if n > most => Err(Error::Invalid(format!("{field}: {n} characters are more than {most}"))),
        _ if text.contains('\0') => Err(Error::Invalid(format!("{field}: it has a NUL character"))),
        _ => Ok(()),
    }
}

pub(crate) fn mode_number(mode: Mode) -> i64 {
    match mode {
        Mode::Inference => 0,
        Mode::Training => 1,
    }
}

pub(crate) fn mode_of(number: i64) -> Mode {
    if number == 1 { Mode::Training } else { Mode::Inference }
}
