//! Data sets on disk, in and out.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    path::Path,
};

use tachograph_datasets::{DataSet, Meta, Mode, NetworkId, Record, Run, Writer};
use tachograph_ir::{Assignment, Graph};

use crate::{Added, Error, Filter, GraphKey, Network, Reading, Result, Store};

/// Networks stored in one transaction.
const TOGETHER: usize = 200;

impl Store {
    /// Stores the measurements of a data set, and its networks; `who` is who measured, and may be empty.
    ///
    /// # Errors
    /// [`Error::Partly`] says what stands in the way, a measurement that is none, a network that does not bind, or that the
    /// store cannot be written, and how many measurements are stored. The same again skips those.
    pub fn import_set(&self, set: &DataSet, who: &str) -> Result<Added> {
        self.import_records(set, who).map_err(Error::of_import)
    }

    fn import_records(&self, set: &DataSet, who: &str) -> Result<Added> {
        // Networks of a set are measured at several batches; each is stored once, many in one transaction.
        let mut places: HashMap<(&NetworkId, Assignment), usize> = HashMap::new();
        let (mut networks, mut keys) = (Vec::new(), Vec::new());
        let mut readings = Vec::with_capacity(set.records().len());
        for record in set.records() {
            let bound = set.bind(record)?;
            let mut fixed = record.config.clone();
            if let Some(batch) = bound.batch_name() {
                fixed.remove(batch);
            }
            let place = match places.entry((&record.network, fixed)) {
                Entry::Occupied(there) => *there.get(),
                Entry::Vacant(free) => {
                    networks.push(Network::new(&bound)?);
                    *free.insert(keys.len() + networks.len() - 1)
                }
            };
            if networks.len() >= TOGETHER {
                keys.extend(self.put_graphs(&std::mem::take(&mut networks))?);
            }
            readings.push((place, Reading::of(record, bound.batch(), who)?));
        }
        keys.extend(self.put_graphs(&networks)?);
        let items: Vec<(GraphKey, Reading)> =
            readings.into_iter().filter_map(|(place, reading)| Some((*keys.get(place)?, reading))).collect();
        self.put_measurements(&items)
    }

    /// Stores one measurement of a data set, as [`Store::import_set`] stores all; returns false where it is known already.
    ///
    /// # Errors
    /// As [`Store::import_set`].
    pub fn put_record(&self, graph: &Graph, record: &Record, who: &str) -> Result<bool> {
        let failed = |source| Error::Graph { name: record.network.to_string(), source };
        let bound = graph.bind(&record.config).map_err(failed)?;
        self.put(&Network::new(&bound)?, &Reading::of(record, bound.batch(), who)?)
    }

    /// Writes the inferences that the filter selects as a data set, whose networks are named after their keys. Of
    /// measurements of one network in one setup the set keeps the first.
    ///
    /// # Errors
    /// The store cannot be read; the folder cannot be written.
    pub fn export_set(&self, filter: &Filter, folder: &Path) -> Result<Option<Meta>> {
        let filter = Filter { mode: Some(Mode::Inference), ..filter.clone() };
        let mut devices = BTreeSet::new();
        self.each_measurement(&filter, |_, reading| {
            devices.insert(reading.setup.device);
            Ok(())
        })?;
        let mut meta = None;
        for device in devices {
            let run = Run { device: device.clone(), protocol: format!("from {}", self.location()), seed: 0 };
            let mut writer = Writer::resume(folder, run)?;
            let mut networks: HashMap<GraphKey, Network> = HashMap::new();
            self.each_measurement(&Filter { device: Some(device.clone()), ..filter.clone() }, |key, reading| {
                // A name may be the hardware of another device too.
                if reading.setup.device != device {
                    return Ok(());
                }
                let network = match networks.entry(key) {
                    Entry::Occupied(there) => there.into_mut(),
                    Entry::Vacant(free) => free.insert(self.network(&key)?),
                };
                let batch = network.batch_name().map(|name| (name.to_owned(), reading.batch));
                let record = reading.record(NetworkId::file(key.to_string()), batch.into_iter().collect());
                writer.append(network.graph(), &record).map_err(Error::DataSet)?;
                Ok(())
            })?;
            meta = Some(writer.finish()?);
        }
        Ok(meta)
    }
}
