//! A device that somebody asks a store for: the same names as `predict` takes, and what is known of it.

use std::{cell::OnceCell, collections::BTreeMap};

use anyhow::{Context, Result};
use tachograph_datasets::Mode;
use tachograph_ir::{BoundGraph, Device, DeviceKind, Plain};
use tachograph_predict::{Catalog, Checkpoint, Predictor, find_device};
use tachograph_store::{Answer, Contents, Filter, GraphKey, Moment, Neighbour, Question, Setup, Standing, Store};
use tachograph_transfer::{
    Observation,
    rates::{RatePrior, Rates, costs},
};

use crate::{
    exit,
    here::{CPU, Here},
};

/// A device, as somebody called it.
pub struct Wanted {
    /// What it goes by: for `cpu` and `cuda:N` what this machine's are stored as, else as it was written.
    pub name: String,
    /// What this machine calls it (`cpu`, `cuda:N`), where it is one of this machine's.
    pub here: Option<String>,
    /// What it is called in the store, where that is another name by the rule of [`find_device`].
    stored: OnceCell<Option<String>>,
}

impl Wanted {
    /// The device that `name` means here.
    ///
    /// # Errors
    /// A device of this machine that the system does not tell.
    pub fn new(name: &str) -> Result<Self> {
        let own = |here: Here, kind: &str| Self { name: here.name, here: Some(kind.into()), stored: OnceCell::new() };
        let kind = name.trim().to_lowercase();
        if kind == CPU {
            return Ok(own(Here::cpu().context("the system does not say which processor this machine has")?, CPU));
        }
        if kind == "cuda" || kind.starts_with("cuda:") {
            return Ok(own(gpu(&kind)?, &kind));
        }
        let cpu = Here::cpu().filter(|here| find_device(&[(&here.name, "")], name).is_some());
        let other = || Self { name: name.trim().to_owned(), here: None, stored: OnceCell::new() };
        Ok(cpu.map_or_else(other, |here| own(here, CPU)))
    }

    /// What `store` knows of a graph there.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn recall(&self, store: &Store, key: &GraphKey, question: &Question) -> Result<Option<Answer>> {
        self.ask(store, question, |question| store.answer(key, question))
    }

    /// What was measured of a graph there, nearest to the batch asked for.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn neighbour(&self, store: &Store, key: &GraphKey, question: &Question) -> Result<Option<Neighbour>> {
        self.ask(store, question, |question| store.neighbour(key, question))
    }

    /// Asks for it by its own name, else by the one that it has in the store.
    fn ask<T>(
        &self,
        store: &Store,
        question: &Question,
        ask: impl Fn(&Question) -> tachograph_store::Result<Option<T>>,
    ) -> Result<Option<T>> {
        let of = |device: &str| ask(&Question { device: device.into(), ..question.clone() });
        Ok(match of(&self.name)? {
            Some(answer) => Some(answer),
            None => self.stored(store)?.map(|name| of(&name)).transpose()?.flatten(),
        })
    }

    /// Its name in the store, where that is another.
    fn stored(&self, store: &Store) -> Result<Option<String>> {
        if let Some(known) = self.stored.get() {
            return Ok(known.clone());
        }
        let devices = store.device_names()?;
        let called: Vec<_> = devices.iter().map(|(name, hardware)| (name.as_str(), hardware.as_str())).collect();
        let name = find_device(&called, &self.name).map(|place| devices[place].0.clone());
        Ok(self.stored.get_or_init(|| name.filter(|name| *name != self.name)).clone())
    }

    /// What a job for it asks for.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn in_store(&self, store: &Store) -> Result<String> {
        Ok(self.stored(store)?.unwrap_or_else(|| self.name.clone()))
    }

    /// What predicts it: the checkpoints installed in the store that know it, the newest first, then those that come along.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn catalog(&self, store: Option<&Store>) -> Result<Catalog> {
        let mut catalog = Catalog::bundled();
        let Some(store) = store else { return Ok(catalog) };
        let mut installed = store.checkpoints()?;
        installed.retain(|checkpoint| checkpoint.standing == Standing::Installed);
        // The one installed last is put first last.
        installed.sort_by_key(|checkpoint| checkpoint.installed_at);
        for kept in installed {
            let name = format!("{} {} of the store", kept.name, kept.id);
            let checkpoint = match store.contents(kept.id)? {
                Contents::Bytes(bytes) => Checkpoint::parse(&bytes, name.as_ref()),
                Contents::Path(path) => Checkpoint::load(path.as_ref()),
            };
            match checkpoint.and_then(Predictor::new) {
                Ok(predictor) => catalog = catalog.with_first(name, predictor),
                Err(error) => exit::warn(&format!("left out: checkpoint {}: {error}", Plain(&name))),
            }
        }
        Ok(catalog)
    }

    /// The inferences measured there in one setup, that of the most: the newest of each network and batch, by the hash of the
    /// network.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn measured(&self, store: &Store) -> Result<Option<(Setup, Vec<Timed>)>> {
        let filter = Filter { device: Some(self.in_store(store)?), mode: Some(Mode::Inference), ..Filter::default() };
        let mut setups: BTreeMap<Setup, BTreeMap<(GraphKey, u64), Timed>> = BTreeMap::new();
        store.each_measurement(&filter, |key, reading| {
            if let Some(ms) = reading.median_ms {
                let timed = Timed { key, batch: reading.batch, ms, date: reading.date };
                let of_setup = setups.entry(reading.setup).or_default();
                let newest = of_setup.entry((key, timed.batch)).or_insert_with(|| timed.clone());
                if timed.date > newest.date {
                    *newest = timed;
                }
            }
            Ok(())
        })?;
        let most = setups.into_iter().max_by_key(|(_, timed)| timed.len());
        Ok(most.map(|(setup, timed)| (setup, timed.into_values().collect())))
    }

    /// The rates of kernels there, from what was measured; with from how many measurements. `None` where nothing was.
    ///
    /// # Errors
    /// The store cannot be read; a graph that cannot be counted.
    pub fn rates(&self, store: &Store, timed: &[Timed]) -> Result<Option<(Rates, usize)>> {
        let timed = &timed[..timed.len().min(MOST)];
        if timed.is_empty() {
            return Ok(None);
        }
        let row = |timed: &Timed| Ok::<_, anyhow::Error>(costs(&timed.bound(store)?)?);
        let rows = timed.iter().map(row).collect::<Result<Vec<_>>>()?;
        let samples = timed.iter().enumerate().map(|(network, timed)| Observation { network, ms: timed.ms });
        let prior = if self.is_gpu() { RatePrior::gpu() } else { RatePrior::cpu() };
        let rates = prior.adapt(&samples.collect::<Vec<_>>(), &rows)?;
        Ok(Some((rates, timed.len())))
    }

    /// Whether it is a GPU, as far as that is known.
    pub fn is_gpu(&self) -> bool {
        let gpu = self.here.as_deref().is_some_and(|here| here != CPU);
        gpu || Device::builtin(&self.name).is_ok_and(|device| device.kind == DeviceKind::Gpu)
    }
}

/// A network that was measured.
#[derive(Clone, Debug)]
pub struct Timed {
    pub key: GraphKey,
    pub batch: u64,
    pub ms: f64,
    pub date: Moment,
}

impl Timed {
    /// The network at the batch that was measured.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn bound(&self, store: &Store) -> Result<BoundGraph> {
        Ok(store.bound(&self.key, self.batch)?)
    }
}

/// More measurements say little more about rates, and each costs a graph to read.
const MOST: usize = 100;

#[cfg(feature = "torch")]
fn gpu(kind: &str) -> Result<Here> {
    let device = tachograph_profile::device(kind)?;
    Ok(Here::with(&tachograph_profile::Environment::here(device).device))
}

#[cfg(not(feature = "torch"))]
fn gpu(kind: &str) -> Result<Here> {
    anyhow::bail!("`{kind}` is a device of this machine, and only a build with libtorch sees it; name the GPU instead")
}
