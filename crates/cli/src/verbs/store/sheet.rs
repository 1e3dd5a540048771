//! What was measured as a table of one's own beside model files, as [`CsvSet`](tachograph_datasets::CsvSet) reads it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    path::Path,
};

use anyhow::{Context, Result};
use tachograph_datasets::{CsvRow, Mode};
use tachograph_import::onnx;
use tachograph_store::{Filter, GraphKey, Network, Reading, Store};

use crate::{exit, table::counted};

/// Writes the newest time of each network, device and batch; returns how many. The models lie in a folder named like the
/// table, one file a network, without weights; where the batch has a name of its own, one a batch.
///
/// # Errors
/// The store cannot be read; a table or folder that is there already or cannot be written.
pub fn export(store: &Store, filter: &Filter, to: &Path) -> Result<u64> {
    let filter = Filter { mode: Some(Mode::Inference), ..filter.clone() };
    let mut newest: BTreeMap<(GraphKey, String, u64), Reading> = BTreeMap::new();
    store.each_measurement(&filter, |key, reading| {
        if reading.median_ms.is_some() {
            let place =
                newest.entry((key, reading.setup.device.clone(), reading.batch)).or_insert_with(|| reading.clone());
            if reading.date > place.date {
                *place = reading;
            }
        }
        Ok(())
    })?;
    let folder = to.with_extension("");
    let name = folder.file_name().and_then(|name| name.to_str()).context("a table without a name")?.to_owned();
    let mut rows = csv::Writer::from_writer(File::create_new(to)?);
    fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
    let (mut written, mut left_out, mut count) = (BTreeSet::new(), BTreeMap::new(), 0);
    let mut last: Option<(GraphKey, Network)> = None;
    for ((key, device, batch), reading) in newest {
        let network = match last.take() {
            Some((other, network)) if other == key => network,
            _ => store.network(&key)?,
        };
        let (file, graph) = match network.batch_name() {
            None | Some("batch") => (format!("{name}/{key}.onnx"), network.graph().clone()),
            // A table binds the batch by this name alone.
            Some(_) => (format!("{name}/{key}-{batch}.onnx"), network.at(batch)?.graph().clone()),
        };
        last = Some((key, network));
        if !written.contains(&file) {
            match onnx::write(&graph, |_, _| None) {
                Ok(bytes) => fs::write(to.with_file_name(&file), bytes).with_context(|| file.clone())?,
                Err(error) => {
                    left_out.insert(key, error.to_string());
                    continue;
                }
            }
            written.insert(file.clone());
        }
        let memory_mb = reading.peak_bytes.map(|bytes| bytes as f64 / 1e6);
        let latency_ms = reading.median_ms.context("no time")?;
        let energy_j = reading.energy_j;
        rows.serialize(CsvRow { file, device, latency_ms, batch: Some(batch), memory_mb, energy_j, family: None })?;
        count += 1;
    }
    rows.flush()?;
    if let Some((key, why)) = left_out.first_key_value() {
        exit::warn(&format!("left out: {}, such as {key}: {why}", counted(left_out.len(), "network")));
    }
    Ok(count)
}
