//! Writing a data set, item by item.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{BufReader, Write},
    path::{Path, PathBuf},
};

use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tachograph_ir::Graph;

use super::{
    DeviceMeta, FORMAT, GRAPHS, MEASUREMENTS, META, Meta, NEW_GRAPHS, Network, PACKED, Run, describe, lines, read_meta,
    reader::each_graph, replace,
};
use crate::{Error, Key, NetworkId, Record, Result};

/// A window of 64 MiB spans many networks, which resemble one another; that matters more than the level
/// (1,350 networks: 1.3 MB in 0.6 s of processor time; at level 19 0.8 MB in 28 s).
const LEVEL: i32 = 12;
const WINDOW_LOG: u32 = 26;

/// Adds measurements on one device to a data set. Every item is on the disk when [`Writer::append`] returns,
/// so a killed process loses at most the item in hand; [`Writer::finish`] makes the folder a [`DataSet`](crate::DataSet).
#[derive(Debug)]
pub struct Writer {
    dir: PathBuf,
    run: Run,
    file: String,
    graphs: File,
    measurements: File,
    networks: BTreeSet<NetworkId>,
    keys: BTreeSet<Key>,
    warnings: Vec<String>,
}

impl Writer {
    /// Opens the folder `dir`, new or begun, and reads what is there. Takes the place of an earlier run
    /// that was killed: a last line that is torn is dropped (see [`Writer::warnings`]).
    ///
    /// # Errors
    /// Another process writes there; a file cannot be written; a line other than the last is faulty.
    pub fn resume(dir: impl AsRef<Path>, run: Run) -> Result<Self> {
        let dir = dir.as_ref().to_path_buf();
        fs::create_dir_all(dir.join(MEASUREMENTS)).map_err(Error::io(&dir))?;
        let new_graphs = dir.join(NEW_GRAPHS);
        let graphs = open_append(&new_graphs)?;
        graphs.try_lock().map_err(|e| Error::damaged(&new_graphs, format!("another process writes here ({e})")))?;
        let file = format!("{MEASUREMENTS}/{}.jsonl", slug(&run.device));
        let path = dir.join(&file);
        unpack(&path)?;

        let warnings = [lines::mend::<Network<IgnoredAny>>(&new_graphs)?, lines::mend::<Record>(&path)?];
        let mut networks = BTreeSet::new();
        each_new::<IgnoredAny>(&new_graphs, |network| {
            networks.insert(network.id);
        })?;
        let finished = dir.join(GRAPHS);
        if finished.exists() {
            each_graph(&finished, |_, network: Network<IgnoredAny>| {
                networks.insert(network.id);
                Ok(())
            })?;
        }
        let measurements = open_append(&path)?;
        let mut keys = BTreeSet::new();
        let reader = BufReader::new(File::open(&path).map_err(Error::io(&path))?);
        lines::read(&path, reader, |line, record: Record| {
            if record.device != run.device {
                let message = format!("measured on `{}`; this run is on `{}`", record.device, run.device);
                return Err(Error::line(&path, line, message));
            }
            keys.insert(record.key());
            Ok(())
        })?;
        let warnings = warnings.into_iter().flatten().collect();
        Ok(Self { dir, run, file, graphs, measurements, networks, keys, warnings })
    }

    /// What was mended, one line each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Number of measurements on this device.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// True when nothing has been measured on this device.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What has been measured on this device.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    /// True when this has been measured already.
    pub fn has(&self, key: &Key) -> bool {
        self.keys.contains(key)
    }

    /// Adds a measurement, and its network unless the set has it. Returns false, and writes nothing,
    /// when the same has been measured already.
    ///
    /// # Errors
    /// A measurement that cannot be one ([`Record::check`]) or is of another device; a full disk.
    pub fn append(&mut self, graph: &Graph, record: &Record) -> Result<bool> {
        record.check()?;
        if record.device != self.run.device {
            let message = format!("measured on `{}`; this run is on `{}`", record.device, self.run.device);
            return Err(Error::Record { network: record.network.to_string(), message });
        }
        if self.has(&record.key()) {
            return Ok(false);
        }
        if !self.networks.contains(&record.network) {
            let line = Network { id: record.network.clone(), graph };
            lines::append(&self.dir.join(NEW_GRAPHS), &mut self.graphs, &line)?;
            self.networks.insert(record.network.clone());
        }
        lines::append(&self.dir.join(&self.file), &mut self.measurements, record)?;
        self.keys.insert(record.key());
        Ok(true)
    }

    /// Drops the measurements on this device that `drop` selects, so that they can be made again. Networks stay.
    /// Returns how many were dropped.
    ///
    /// # Errors
    /// A file that cannot be read or written; the measurements are then as they were.
    pub fn forget(&mut self, drop: impl Fn(&Record) -> bool) -> Result<usize> {
        let path = self.dir.join(&self.file);
        let mut kept = Vec::new();
        let reader = BufReader::new(File::open(&path).map_err(Error::io(&path))?);
        lines::read(&path, reader, |_, record: Record| {
            if !drop(&record) {
                kept.push(record);
            }
            Ok(())
        })?;
        let dropped = self.keys.len() - kept.len();
        replace(&path, |file| {
            let mut out = std::io::BufWriter::new(file);
            for record in &kept {
                serde_json::to_writer(&mut out, record)?;
                out.write_all(b"\n")?;
            }
            out.flush()
        })?;
        self.measurements = open_append(&path)?;
        self.keys = kept.iter().map(Record::key).collect();
        Ok(dropped)
    }

    /// Compresses the networks, writes `meta.json`, and so makes the folder a [`DataSet`](crate::DataSet).
    /// Resuming it later is allowed.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn finish(self) -> Result<Meta> {
        let file = self.file.clone();
        let packed = self.dir.join(format!("{file}{PACKED}"));
        let meta = self.finish_with(file)?;
        if packed.exists() {
            fs::remove_file(&packed).map_err(Error::io(&packed))?;
        }
        Ok(meta)
    }

    /// [`finish`](Self::finish), with the measurements packed as the networks are.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn finish_packed(self) -> Result<Meta> {
        let plain = self.dir.join(&self.file);
        let packed = format!("{}{PACKED}", self.file);
        let text = fs::read(&plain).map_err(Error::io(&plain))?;
        replace(&self.dir.join(&packed), |file| {
            let mut encoder = zstd::Encoder::new(file, LEVEL)?;
            encoder.include_checksum(true)?;
            encoder.write_all(&text)?;
            encoder.finish().map(|_| ())
        })?;
        let meta = self.finish_with(packed)?;
        fs::remove_file(&plain).map_err(Error::io(&plain))?;
        Ok(meta)
    }

    /// Finishes with the measurements in `file`.
    fn finish_with(self, file: String) -> Result<Meta> {
        let new_graphs = self.dir.join(NEW_GRAPHS);
        let mut networks: BTreeMap<NetworkId, Box<RawValue>> = BTreeMap::new();
        each_new::<Box<RawValue>>(&new_graphs, |network| {
            networks.insert(network.id, network.graph);
        })?;
        let finished = self.dir.join(GRAPHS);
        if !networks.is_empty() || !finished.exists() {
            if finished.exists() {
                each_graph(&finished, |_, network: Network<Box<RawValue>>| {
                    networks.insert(network.id, network.graph);
                    Ok(())
                })?;
            }
            replace(&finished, |file| compress(file, networks))?;
        }

        let old = if self.dir.join(META).exists() { read_meta(&self.dir)?.devices } else { Vec::new() };
        let mut devices: Vec<_> = old.into_iter().filter(|d| d.run.device != self.run.device).collect();
        devices.push(DeviceMeta { run: self.run, file: describe(&self.dir, &file, self.keys.len())? });
        devices.sort_by(|a, b| a.file.file.cmp(&b.file.file));
        let meta = Meta { format: FORMAT, graphs: describe(&self.dir, GRAPHS, self.networks.len())?, devices };
        replace(&self.dir.join(META), |file| {
            serde_json::to_writer_pretty(&mut *file, &meta)?;
            file.write_all(b"\n")
        })?;
        fs::remove_file(&new_graphs).map_err(Error::io(&new_graphs))?;
        Ok(meta)
    }
}

/// Calls `each` with every line of the file of new graphs.
fn each_new<G: serde::de::DeserializeOwned>(path: &Path, mut each: impl FnMut(Network<G>)) -> Result<()> {
    let reader = BufReader::new(File::open(path).map_err(Error::io(path))?);
    lines::read(path, reader, |_, network| {
        each(network);
        Ok(())
    })
}

fn compress(file: &mut File, networks: BTreeMap<NetworkId, Box<RawValue>>) -> std::io::Result<()> {
    let mut encoder = zstd::Encoder::new(file, LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.long_distance_matching(true)?;
    encoder.window_log(WINDOW_LOG)?;
    for (id, graph) in networks {
        serde_json::to_writer(&mut encoder, &Network { id, graph })?;
        encoder.write_all(b"\n")?;
    }
    encoder.finish().map(|_| ())
}

/// Puts the plain file in the place of a packed one, to go on with. A plain one that is there was begun later.
fn unpack(path: &Path) -> Result<()> {
    let packed = path.with_added_extension(PACKED.trim_start_matches('.'));
    if path.exists() || !packed.exists() {
        return Ok(());
    }
    let mut from = zstd::Decoder::new(File::open(&packed).map_err(Error::io(&packed))?).map_err(Error::io(&packed))?;
    replace(path, |file| std::io::copy(&mut from, file).map(|_| ()))
}

fn open_append(path: &Path) -> Result<File> {
    fs::OpenOptions::new().create(true).append(true).open(path).map_err(Error::io(path))
}

/// A file name from a device name: letters and digits, everything else one hyphen.
fn slug(device: &str) -> String {
    let words = device.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}
