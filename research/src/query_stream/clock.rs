//! What a measurement takes.

use std::{collections::HashMap, path::Path};

use anyhow::{Context, Result};
use tachograph_datasets::{DataSet, NetworkId, Record};
use tachograph_ir::{BoundGraph, Graph};
use tachograph_predict::Catalog;

use super::networks::Asked;

/// What a measurement takes, and what comes out.
///
/// Of what the set holds, the record says it: its median, and `repeats` runs. Of other networks and batches the bundled
/// checkpoint of the set's device stands for the machine: its prediction is the median, and there are as many repeats as the
/// protocol of the set allows, three visits of 0.2 s each with 4 to 100 runs. To that come the least runs that warm up, three a
/// visit, and the two that prepare. Loading, compiling and waiting for a device are not counted, which a store saves as well.
pub struct Clock {
    set: DataSet,
    device: String,
    records: HashMap<NetworkId, Record>,
    catalog: Catalog,
}

/// Of one measurement.
pub struct Cost {
    pub median_ms: f64,
    pub iqr_ms: f64,
    pub repeats: u32,
    pub seconds: f64,
}

/// Visits of the protocol; seconds of one; fewest and most runs; runs that warm up.
const VISITS: u32 = 3;
const VISIT: f64 = 0.2;
const RUNS: (u32, u32) = (4, 100);
const WARM_UP: u32 = 3;
const PREPARE: u32 = 2;

/// Quartiles of what is not recorded are so far apart, the median of the set.
const IQR: f64 = 0.05;

impl Clock {
    pub fn new(set: &Path, device: &str) -> Result<Self> {
        let set = DataSet::open(set)?;
        let records = set.records().iter().filter(|record| record.device == device && record.median_ms.is_some());
        let records: HashMap<_, _> = records.map(|record| (record.network.clone(), record.clone())).collect();
        anyhow::ensure!(!records.is_empty(), "no times of `{device}`");
        Ok(Self { set, device: device.into(), records, catalog: Catalog::bundled() })
    }

    /// The networks that were measured, with their batches.
    pub fn recorded(&self) -> Vec<(NetworkId, Graph, u64)> {
        let mut all: Vec<_> = self
            .records
            .values()
            .filter_map(|record| {
                let graph = self.set.graphs().get(&record.network)?;
                Some((record.network.clone(), graph.clone(), record.config.get("batch").copied().unwrap_or(1)))
            })
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    pub fn measuring(&self, asked: &Asked, bound: &BoundGraph) -> Result<Cost> {
        let recorded = asked.id.as_ref().filter(|_| asked.recorded_batch == Some(bound.batch()));
        let (median_ms, iqr_ms, repeats) = match recorded.and_then(|id| self.records.get(id)) {
            Some(record) => {
                let median = record.median_ms.context("a record without a time")?;
                (median, record.iqr_ms.unwrap_or_default(), record.repeats)
            }
            None => {
                let ms = self.catalog.forecast(bound, Some(&self.device))?.latency.value.value();
                let runs = ((1e3 * VISIT / ms) as u32).clamp(RUNS.0, RUNS.1);
                (ms, IQR * ms, VISITS * runs)
            }
        };
        let runs = PREPARE + VISITS * WARM_UP + repeats;
        Ok(Cost { median_ms, iqr_ms, repeats, seconds: f64::from(runs) * median_ms / 1e3 })
    }
}
