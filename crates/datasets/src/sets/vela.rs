//! Estimates of Arm's compiler Vela for its Ethos-U accelerators: an oracle, not a measurement.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tachograph_ir::Graph;

use crate::{About, Measured, Measurement, Measurements, Result, Source, table::Table};

/// One network on one configuration. Memory is in KiB.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VelaRow {
    /// The network: name of the file in `models/tflite`.
    pub model: String,
    /// Name of the accelerator, such as `ethos-u55-128`: the last number is MACs a cycle.
    pub accelerator: String,
    /// Vela's configuration of the system.
    pub system_config: String,
    /// Vela's memory mode.
    pub memory_mode: String,
    /// Clock in Hz.
    pub core_clock: f64,
    /// Time of an inference in s.
    pub inference_time: f64,
    /// SRAM in use.
    pub sram_memory_used: f64,
    /// Flash in use.
    pub off_chip_flash_memory_used: f64,
    /// DRAM in use.
    pub dram_memory_used: f64,
    /// Multiply–accumulates.
    pub nn_macs: f64,
    /// Cycles of the accelerator.
    pub cycles_npu: f64,
    /// Cycles of the whole inference.
    pub cycles_total: f64,
}

/// Estimates of Arm's compiler.
pub static VELA: About = About {
    name: "vela",
    what: "quantised networks on eleven Ethos-U configurations, estimated by Arm's compiler",
    from: "made with ethos-u-vela 5.2.0 from the int8 files of models/tflite",
    licence: "Apache-2.0",
    folder: "vela",
    files: "",
    open: |root| Ok(Box::new(Vela::open(root)?)),
};

impl VelaRow {
    /// Time and memory of an inference.
    fn measurements(&self) -> [Measurement; 2] {
        let ms = Measured::ms(1e3 * self.inference_time);
        let time = Measurement::new(&self.model, &self.model, &self.accelerator, 1, ms);
        let time = Measurement { estimated: true, ..time };
        let kib = self.sram_memory_used + self.off_chip_flash_memory_used + self.dram_memory_used;
        let memory = time.with(Measured::megabytes(kib * 1024.0 / 1e6));
        [time, memory]
    }
}

/// The set.
#[derive(Clone, Debug)]
pub struct Vela {
    path: PathBuf,
    models: PathBuf,
}

impl Vela {
    /// Opens the set below the root of all sets; graphs are in `../models/tflite` from there.
    ///
    /// # Errors
    /// The table is not there.
    pub fn open(root: &Path) -> Result<Self> {
        Ok(Self { path: VELA.path(root, "vela.csv")?, models: root.join("../models/tflite") })
    }

    /// All rows.
    ///
    /// # Errors
    /// The table cannot be read; rows that are not what they should be are errors of the iterator.
    pub fn rows(&self) -> Result<impl Iterator<Item = Result<VelaRow>> + use<>> {
        Ok(Table::open(&self.path)?.records())
    }
}

impl Source for Vela {
    fn about(&self) -> &'static About {
        &VELA
    }

    fn measurements(&self) -> Result<Measurements<'_>> {
        let both = |row: Result<VelaRow>| match row {
            Ok(row) => row.measurements().map(Ok).into(),
            Err(error) => vec![Err(error)],
        };
        Ok(Box::new(self.rows()?.flat_map(both)))
    }

    /// `../models/tflite/NETWORK.tflite.gz`.
    fn graph(&self, network: &str) -> Result<Graph> {
        super::import(&VELA, network, &self.models.join(format!("{network}.tflite.gz")))
    }
}
