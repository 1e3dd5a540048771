//! Measures generated networks and writes a data set.

use std::path::Path;

use serde::Serialize;
use tachograph_datasets::{Key, NetworkId, Record, Run, Writer};
use tachograph_ir::{Assignment, BoundGraph, DType, Graph, Millis};
use tachograph_networks::{Family, Generated, sample};
use tch::Device;

use crate::{Environment, Error, Profile, Protocol, Result, Session};

/// Version of what a [`Record`] of this crate says: which is measured how.
pub const PROTOCOL: u32 = 2;

/// What is measured, and how.
#[derive(Clone, Debug)]
pub struct Collection {
    /// Name of the device within the set.
    pub name: String,
    /// Where networks run.
    pub device: Device,
    /// Networks of each family.
    pub count: u64,
    /// Seed of the networks.
    pub seed: u64,
    /// Visits to each network; those of one network of each family take turns. 0 measures memory alone.
    pub visits: usize,
    /// How a visit measures.
    pub protocol: Protocol,
    /// What to multiply a network's own batch with, in turn for the networks of a family: a GPU is idle at small ones.
    pub batches: Vec<u64>,
}

/// What happened to a network.
#[derive(Debug)]
pub enum Collected<'a> {
    /// It was measured before.
    Known,
    /// It was measured, and is on the disk.
    Measured(&'a Graph, &'a Record),
    /// It could not be, and why.
    Skipped(NetworkId, String),
}

/// A data set being measured. Killed, it goes on where it stopped.
pub struct Collector {
    collection: Collection,
    writer: Writer,
}

impl Collector {
    /// Opens the folder `out`, new or begun.
    ///
    /// # Errors
    /// No batch; a folder that cannot be written or is of another device.
    pub fn open(out: &Path, collection: Collection) -> Result<Self> {
        if collection.batches.is_empty() || collection.batches.contains(&0) {
            return Err(Error::Usage("batches to multiply with must be positive numbers".into()));
        }
        #[derive(Serialize)]
        struct Description<'a> {
            visits: usize,
            visit: &'a Protocol,
            batches: &'a [u64],
        }
        let Collection { visits, protocol, batches, .. } = &collection;
        let description = Description { visits: *visits, visit: protocol, batches };
        let protocol = serde_json::to_string(&description).map_err(|error| Error::Usage(error.to_string()))?;
        let run = Run { device: collection.name.clone(), protocol, seed: collection.seed };
        Ok(Self { writer: Writer::resume(out, run)?, collection })
    }

    /// What was mended of an earlier run, one line each.
    pub fn warnings(&self) -> &[String] {
        self.writer.warnings()
    }

    /// Networks in all.
    pub fn networks(&self) -> u64 {
        self.collection.count * Family::ALL.len() as u64
    }

    /// Drops measurements whose quartiles are further apart than this share of the median, so that they are made again;
    /// returns how many.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn forget(&mut self, spread: f64) -> Result<usize> {
        let noisy = |r: &Record| r.iqr_ms.zip(r.median_ms).is_some_and(|(iqr, median)| iqr > spread * median);
        Ok(self.writer.forget(noisy)?)
    }

    /// Measures what is not measured yet. `observe` hears of every network.
    ///
    /// # Errors
    /// A visit that fails halfway; a full disk. Networks that cannot be run are no error.
    pub fn run(&mut self, mut observe: impl FnMut(Collected<'_>)) -> Result<()> {
        for index in 0..self.collection.count {
            let mut sessions = Vec::new();
            for family in Family::ALL {
                match self.prepare(family, index)? {
                    Ok(Some(session)) => sessions.push(session),
                    Ok(None) => observe(Collected::Known),
                    Err((network, why)) => observe(Collected::Skipped(network, why)),
                }
            }
            for _ in 0..self.collection.visits {
                let protocol = &self.collection.protocol;
                sessions.iter_mut().try_for_each(|(.., session)| session.visit(protocol))?;
            }
            for (key, network, session) in sessions {
                let times = if self.collection.visits == 0 { None } else { Some(session.result()?) };
                let record = record(key, &self.collection.name, &session, times);
                match record.check() {
                    Ok(()) => {
                        self.writer.append(&network.graph, &record)?;
                        observe(Collected::Measured(&network.graph, &record));
                    }
                    Err(error) => observe(Collected::Skipped(record.network, error.to_string())),
                }
            }
        }
        Ok(())
    }

    /// Makes the folder a data set; returns how many networks and measurements it holds.
    ///
    /// # Errors
    /// A full disk.
    pub fn finish(self) -> Result<(usize, usize)> {
        let meta = self.writer.finish()?;
        Ok((meta.graphs.count, meta.devices.iter().map(|device| device.file.count).sum()))
    }

    /// A network ready to be visited, `None` where it was measured before, or why it cannot run.
    #[allow(clippy::type_complexity)]
    fn prepare(
        &self,
        family: Family,
        index: u64,
    ) -> Result<Result<Option<(Key, Generated, Session)>, (NetworkId, String)>> {
        let Collection { seed, batches, device, .. } = &self.collection;
        let network = sample(family, *seed, index)?;
        let bound = at_batches(&network.graph, batches[index as usize % batches.len()])?;
        let id = NetworkId::generated(family.to_string(), *seed, index);
        let threads = tch::get_num_threads().max(1) as u32;
        let key = Key { network: id, config: bound.config().clone(), dtype: DType::F32, threads };
        if self.writer.has(&key) {
            return Ok(Ok(None));
        }
        Ok(match Session::new(&bound, *device) {
            Ok(session) => Ok(Some((key, network, session))),
            Err(error) => Err((key.network, error.to_string())),
        })
    }
}

/// Bound at so many times its own batch.
fn at_batches(graph: &Graph, times: u64) -> Result<BoundGraph> {
    let bound = graph.bind(&Assignment::new())?;
    let config = Assignment::from([("batch".into(), times * bound.batch())]);
    Ok(if times == 1 { bound } else { graph.bind(&config)? })
}

fn record(key: Key, name: &str, session: &Session, times: Option<Profile>) -> Record {
    let environment = Environment::here(session.executor().device());
    let times = times.as_ref();
    Record {
        network: key.network,
        config: key.config,
        device: name.into(),
        hardware: environment.device,
        governor: environment.governor,
        dtype: key.dtype,
        threads: key.threads,
        median_ms: times.map(|m| m.median_ms),
        iqr_ms: times.map(|m| m.iqr_ms),
        min_ms: times.map(|m| m.min_ms),
        repeats: times.map_or(0, |m| m.repeats as u32),
        peak_bytes: session.peak_memory(),
        energy_j: times.and_then(|m| m.energy),
        date: environment.date,
        library: environment.library,
        protocol: PROTOCOL,
        estimate: None,
    }
}

/// Small networks of as many families with what they take on `device`, a fraction of a second each: enough for
/// `tachograph-transfer` to tell a machine from those that were measured.
///
/// # Errors
/// As [`Session::visit`].
pub fn quick_look(device: Device) -> Result<Vec<(BoundGraph, Millis)>> {
    const FAMILIES: [Family; 6] = [
        Family::ResNet,
        Family::MobileNetV2,
        Family::SqueezeNet,
        Family::EfficientNet,
        Family::GoogLeNet,
        Family::MnasNet,
    ];
    let protocol = Protocol { warm_up_limit: 0.2, time_limit: 0.4, min_repeats: 3, ..Protocol::default() };
    let one = |family| {
        let bound = at_batches(&sample(family, QUICK_SEED, 0)?.graph, 1)?;
        let mut session = Session::new(&bound, device)?;
        session.visit(&protocol)?;
        let ms = session.result()?.median_ms;
        Ok((bound, Millis(ms)))
    };
    FAMILIES.into_iter().map(one).collect()
}

/// Draws networks of middling cost.
const QUICK_SEED: u64 = 1;
