//! Measurements of tables and published sets, which record less than a store does.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    time::UNIX_EPOCH,
};

use anyhow::{Result, bail, ensure};
use tachograph_datasets::{Measured, Measurement, Mode, Source, as_measured};
use tachograph_ir::{Assignment, DType, Graph};
use tachograph_predict::NOT_RECORDED;
use tachograph_store::{Added, Error, Filter, GraphKey, Moment, Network, Reading, Setup, Store};

use crate::{exit, table::counted};

/// What a run of a network on a device took.
type Run = (String, String, Assignment);

/// Stores the inferences of a set, but for those that are there with the same numbers. Their date is that of the file, since
/// a table has none.
pub fn import_source(store: &Store, source: &dyn Source, path: &Path, who: &str) -> Result<Added> {
    let modified = path.metadata().and_then(|about| about.modified()).ok();
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let date = since.map_or_else(Moment::now, |time| Moment(0).after(time));
    let mut runs: BTreeMap<Run, Reading> = BTreeMap::new();
    for measurement in source.measurements()? {
        let Measurement { network, device, assignment, phase, value, estimated, .. } = measurement?;
        if phase != Mode::Inference || estimated {
            continue;
        }
        let blank = || blank(source, &device, date, who);
        let reading = runs.entry((network, device.clone(), assignment)).or_insert_with(blank);
        match value {
            Measured::Latency(ms) => {
                // Of several the fastest, since interference only slows down.
                let ms = reading.median_ms.map_or(ms.0, |other| other.min(ms.0));
                (reading.median_ms, reading.min_ms, reading.iqr_ms) = (Some(ms), Some(ms), Some(0.0));
                reading.repeats += 1;
            }
            Measured::Memory(bytes) => reading.peak_bytes = Some(bytes.0),
            Measured::Energy(joules) => reading.energy_j = Some(joules.0),
            Measured::Normalised(_) => bail!("its values have no unit"),
        }
    }
    let repeated = runs.values().filter(|reading| reading.repeats > 1).count();
    if repeated > 0 {
        exit::warn(&format!("{} in several rows: the fastest counts", counted(repeated, "measurement")));
    }
    let (mut items, mut known, mut left_out) = (Vec::new(), 0, BTreeMap::new());
    let mut graphs: HashMap<String, Result<Graph, String>> = HashMap::new();
    for ((network, _, assignment), mut reading) in runs {
        let graph = graphs.entry(network.clone()).or_insert_with(|| source.graph(&network).map_err(|e| e.to_string()));
        match graph.as_ref().map_err(Clone::clone).and_then(|graph| as_measured(graph, &assignment)) {
            Ok((bound, batch)) => {
                reading.batch = batch;
                let key = store.put_graph(&Network::new(&bound)?).map_err(Error::of_import)?;
                match there(store, key, &reading)? {
                    true => known += 1,
                    false => items.push((key, reading)),
                }
            }
            Err(why) => _ = left_out.insert(network, why),
        }
    }
    if let Some((network, why)) = left_out.first_key_value() {
        let networks = counted(left_out.len(), "network");
        ensure!(!items.is_empty() || known > 0, "nothing to store: {networks}, such as {network}: {why}");
        exit::warn(&format!("left out: {networks}, such as {network}: {why}"));
    }
    let added = store.put_measurements(&items).map_err(Error::of_import)?;
    Ok(Added { new: added.new, known: added.known + known })
}

/// Before its numbers are known.
fn blank(source: &dyn Source, device: &str, date: Moment, who: &str) -> Reading {
    let ran_on = source.ran_on(device);
    let text = |of: Option<&String>| of.filter(|text| !text.is_empty()).cloned().unwrap_or_else(|| NOT_RECORDED.into());
    Reading {
        batch: 1,
        mode: Mode::Inference,
        setup: Setup {
            device: device.into(),
            hardware: text(ran_on.as_ref().map(|ran_on| &ran_on.hardware)),
            threads: ran_on.as_ref().map_or(0, |ran_on| ran_on.threads),
            library: text(ran_on.as_ref().map(|ran_on| &ran_on.library)),
            dtype: DType::F32,
            driver: String::new(),
            governor: String::new(),
        },
        protocol: 0,
        median_ms: None,
        iqr_ms: None,
        min_ms: None,
        repeats: 0,
        peak_bytes: None,
        energy_j: None,
        date,
        who: who.into(),
    }
}

/// Whether the same numbers are there, at whatever date.
fn there(store: &Store, key: GraphKey, reading: &Reading) -> Result<bool> {
    let filter = Filter {
        graph: Some(key),
        device: Some(reading.setup.device.clone()),
        batch: Some(reading.batch),
        ..Filter::default()
    };
    let same = |other: &Reading| Reading { date: reading.date, who: reading.who.clone(), ..other.clone() } == *reading;
    Ok(store.measurements(&filter)?.iter().any(|(_, other)| same(other)))
}
