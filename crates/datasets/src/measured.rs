//! Sets that this project measured, as sources.

use tachograph_ir::Graph;

use crate::{About, DataSet, Error, NetworkId, RanOn, Result, Sample, Samples, Source};

/// What the folders below `datasets/` of the repository are.
static MEASURED: About = About {
    name: "measured",
    what: "networks measured by this project",
    from: "the folder `datasets` of this repository, or `tachograph collect`",
    licence: "MIT OR Apache-2.0",
    folder: "datasets",
    unit: "ms",
};

impl Source for DataSet {
    fn about(&self) -> &'static About {
        &MEASURED
    }

    /// Networks are named by their id; times are medians. Measurements of memory alone are no samples.
    fn samples(&self) -> Result<Samples<'_>> {
        Ok(Box::new(self.records().iter().filter_map(|record| {
            let batch = record.config.get("batch").copied().unwrap_or(1);
            let id = &record.network;
            let sample = Sample::new(id.to_string(), id.family(), &record.device, batch, record.median_ms?);
            let memory_mb = record.peak_bytes.map(|bytes| bytes as f64 / 1e6);
            Some(Ok(Sample { memory_mb, energy_j: record.energy_j, ..sample }))
        })))
    }

    fn ran_on(&self, device: &str) -> Option<RanOn> {
        let record = self.records().iter().find(|record| record.device == device)?;
        let (hardware, library) = (record.hardware.clone(), record.library.clone());
        Some(RanOn { hardware, threads: record.threads, library })
    }

    fn graph(&self, network: &str) -> Result<Graph> {
        let id: NetworkId = network.parse()?;
        let message = || format!("not in {}", self.dir().display());
        let missing = || Error::NoGraph { set: MEASURED.name, network: network.into(), message: message() };
        self.graphs().get(&id).cloned().ok_or_else(missing)
    }
}
