//! Data sets on disk, in and out.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use tachograph_datasets::{DataSet, Meta, Mode, NetworkId, Run, Writer};
use tachograph_ir::Assignment;

use crate::{Added, Error, Filter, GraphKey, Network, Reading, Result, Store};

impl Store {
    /// Stores the measurements of a data set, and its networks; `who` is who measured, and may be empty.
    ///
    /// # Errors
    /// A measurement that is none; a network that does not bind; the store cannot be written. Doing it again is allowed.
    pub fn import_set(&self, set: &DataSet, who: &str) -> Result<Added> {
        let mut items = Vec::with_capacity(set.records().len());
        // Networks of a set are measured at several batches; what they are called here is looked up once.
        let mut keys: HashMap<(&NetworkId, Assignment), GraphKey> = HashMap::new();
        for record in set.records() {
            let bound = set.bind(record)?;
            let mut fixed = record.config.clone();
            if let Some(batch) = bound.batch_name() {
                fixed.remove(batch);
            }
            let key = match keys.get(&(&record.network, fixed.clone())) {
                Some(key) => *key,
                None => {
                    let key = self.put_graph(&Network::new(&bound)?)?;
                    keys.insert((&record.network, fixed), key);
                    key
                }
            };
            items.push((key, Reading::of(record, bound.batch(), who)?));
        }
        self.put_measurements(&items)
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
                    std::collections::hash_map::Entry::Occupied(there) => there.into_mut(),
                    std::collections::hash_map::Entry::Vacant(free) => free.insert(self.network(&key)?),
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
