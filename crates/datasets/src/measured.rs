//! Sets that this project measured, as sources.

use tachograph_ir::{Bytes, Graph, Joules, Millis};

use crate::{
    About, DataSet, Error, Measured, Measurement, Measurements, Mode, NetworkId, RanOn, Record, Result, Source,
};

/// What the folders below `datasets/` of the repository are.
static MEASURED: About = About {
    name: "measured",
    what: "networks measured by this project",
    from: "the folder `datasets` of this repository, or `tachograph collect`",
    licence: "MIT OR Apache-2.0",
    folder: "datasets",
    files: "",
    open: |folder| Ok(Box::new(DataSet::open(folder)?)),
};

impl Record {
    /// Time, memory and energy, as far as they were measured.
    fn measurements(&self) -> impl Iterator<Item = Measurement> + '_ {
        let time = self.median_ms.map(|ms| Measured::Latency(Millis(ms)));
        let memory = self.peak_bytes.map(|bytes| Measured::Memory(Bytes(bytes)));
        let energy = self.energy_j.map(|joules| Measured::Energy(Joules(joules)));
        [time, memory, energy].into_iter().flatten().map(|value| Measurement {
            network: self.network.to_string(),
            family: self.network.family().into(),
            device: self.device.clone(),
            assignment: self.config.clone(),
            phase: Mode::Inference,
            value,
            estimated: self.estimate.is_some(),
            configuration: None,
        })
    }
}

impl Source for DataSet {
    fn about(&self) -> &'static About {
        &MEASURED
    }

    /// The folder.
    fn name(&self) -> String {
        self.dir().display().to_string()
    }

    /// Networks are named by their id; times are medians.
    fn measurements(&self) -> Result<Measurements<'_>> {
        Ok(Box::new(self.records().iter().flat_map(Record::measurements).map(Ok)))
    }

    /// As the last measurement on the device says.
    fn ran_on(&self, device: &str) -> Option<RanOn> {
        let Record { hardware, threads, library, .. } = self.records().iter().rfind(|r| r.device == device)?;
        Some(RanOn { hardware: hardware.clone(), threads: *threads, library: library.clone() })
    }

    fn graph(&self, network: &str) -> Result<Graph> {
        let id: NetworkId = network.parse()?;
        let message = || format!("not in {}", self.dir().display());
        let missing = || Error::NoGraph { set: self.name(), network: network.into(), message: message() };
        self.graphs().get(&id).cloned().ok_or_else(missing)
    }
}
