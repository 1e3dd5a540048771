//! Reading a finished data set.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use tachograph_ir::{BoundGraph, Graph, Parts};

use super::{FileMeta, Meta, Network, PACKED, describe, lines, read_meta};
use crate::{Error, NetworkId, Record, Result};

/// A data set in memory: networks, and measurements that refer to them.
#[derive(Clone, Debug)]
pub struct DataSet {
    dir: PathBuf,
    meta: Meta,
    graphs: BTreeMap<NetworkId, Graph>,
    records: Vec<Record>,
}

impl DataSet {
    /// Reads and checks a folder that [`Writer::finish`](crate::Writer::finish) completed.
    ///
    /// # Errors
    /// Names the file, and the line where there is one: a missing file, a line that is cut or altered,
    /// a count or checksum other than `meta.json` says, a measurement of a network without a graph.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        let meta = read_meta(dir)?;
        let graphs = read_graphs(dir, &meta.graphs)?;
        let mut records = Vec::new();
        for device in &meta.devices {
            let path = dir.join(&device.file.file);
            let file = File::open(&path).map_err(Error::io(&path))?;
            let file: Box<dyn BufRead> = match device.file.file.ends_with(PACKED) {
                true => Box::new(BufReader::new(zstd::Decoder::new(file).map_err(Error::io(&path))?)),
                false => Box::new(BufReader::new(file)),
            };
            let before = records.len();
            lines::read(&path, file, |line, record: Record| {
                record.check().map_err(|e| Error::line(&path, line, e))?;
                if record.device != device.run.device {
                    let message = format!("device `{}` in the file of `{}`", record.device, device.run.device);
                    return Err(Error::line(&path, line, message));
                }
                if !graphs.contains_key(&record.network) {
                    return Err(Error::line(&path, line, format!("no graph of network `{}`", record.network)));
                }
                records.push(record);
                Ok(())
            })?;
            check(dir, &device.file, records.len() - before)?;
        }
        Ok(Self { dir: dir.into(), meta, graphs, records })
    }

    /// The folder it was read from.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Protocols, counts and checksums.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Networks by id, hyperparameters free.
    pub fn graphs(&self) -> &BTreeMap<NetworkId, Graph> {
        &self.graphs
    }

    /// Measurements: device by device, each in the order measured.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Each measurement with its network.
    pub fn iter(&self) -> impl Iterator<Item = (&Graph, &Record)> {
        self.records.iter().filter_map(|record| Some((self.graphs.get(&record.network)?, record)))
    }

    /// The network of a measurement, bound as it was measured.
    ///
    /// # Errors
    /// The network is not of this set, or does not bind.
    pub fn bind(&self, record: &Record) -> Result<BoundGraph> {
        let network = || record.network.to_string();
        let graph = self
            .graphs
            .get(&record.network)
            .ok_or_else(|| Error::Record { network: network(), message: "no graph in this data set".into() })?;
        graph.bind(&record.config).map_err(|source| Error::Graph { network: network(), source })
    }
}

fn read_graphs(dir: &Path, meta: &FileMeta) -> Result<BTreeMap<NetworkId, Graph>> {
    let path = dir.join(&meta.file);
    let mut graphs = BTreeMap::new();
    each_graph(&path, |line, network: Network<Parts>| {
        let graph = Graph::new(network.graph)
            .map_err(|source| Error::line(&path, line, Error::Graph { network: network.id.to_string(), source }))?;
        match graphs.insert(network.id.clone(), graph) {
            None => Ok(()),
            Some(_) => Err(Error::line(&path, line, format!("network `{}` is there twice", network.id))),
        }
    })?;
    check(dir, meta, graphs.len())?;
    Ok(graphs)
}

/// Calls `each` with every line of a compressed file of graphs.
pub fn each_graph<G: serde::de::DeserializeOwned>(
    path: &Path,
    each: impl FnMut(usize, Network<G>) -> Result<()>,
) -> Result<()> {
    let file = File::open(path).map_err(Error::io(path))?;
    let decoder = zstd::Decoder::new(file).map_err(Error::io(path))?;
    lines::read(path, BufReader::new(decoder), each)
}

fn check(dir: &Path, meta: &FileMeta, count: usize) -> Result<()> {
    let path = dir.join(&meta.file);
    if count != meta.count {
        return Err(Error::damaged(&path, format!("{count} lines where meta.json counts {}", meta.count)));
    }
    let found = describe(dir, &meta.file, count)?.sha256;
    if found != meta.sha256 {
        let message = format!("SHA-256 is {found} where meta.json says {}", meta.sha256);
        return Err(Error::damaged(&path, message));
    }
    Ok(())
}
