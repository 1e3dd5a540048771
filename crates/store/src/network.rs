//! A graph as a store keeps it: one for every batch, known by what it computes.

use std::{fmt, io::Read, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tachograph_ir::{Assignment, BoundGraph, CanonicalHash, Graph};

use crate::{Error, Result};

/// Names a graph in a store: its canonical hash, and a number where several graphs share that hash.
/// Written as 64 hexadecimal digits, and `.1` and so on for all but the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GraphKey {
    /// Of the graph at batch 1 where its batch is free, else as it is.
    pub hash: CanonicalHash,
    /// 0 but for graphs that share a hash.
    pub ordinal: u32,
}

/// A graph to store or to ask for: everything bound but the batch, where that is free.
#[derive(Clone, Debug)]
pub struct Network {
    hash: CanonicalHash,
    batch: u64,
    graph: Graph,
    file: Vec<u8>,
    // At batch 1 where the batch is free.
    bound: BoundGraph,
}

/// Graphs that are equal at batch 1 may treat the batch differently; a second batch shows it.
const PROBE: u64 = 3;

/// Zstandard's level of stored graphs: at 9 a graph of a thousand nodes takes some milliseconds.
const LEVEL: i32 = 9;

/// No graph file is larger once it is decompressed; what claims to be is damaged.
const LARGEST: u64 = 256 << 20;

impl Network {
    /// The network that `bound` is an instance of.
    ///
    /// # Errors
    /// The graph cannot be written to a file.
    pub fn new(bound: &BoundGraph) -> Result<Self> {
        let mut graph = bound.batch_freed();
        let mut at_one = bound.clone();
        if let Some(name) = bound.batch_name() {
            match bound.rebind(&Assignment::from([(name.to_owned(), 1)])) {
                Ok(rebound) => at_one = rebound,
                // It cannot be run at batch 1: it is known by the batch that it has.
                Err(_) => graph = bound.graph().clone(),
            }
        }
        let file = graph.to_bytes().map_err(|source| Error::Graph { name: graph.name().into(), source })?;
        Ok(Self { hash: at_one.canonical_hash(), batch: bound.batch(), graph, file, bound: at_one })
    }

    /// Its canonical hash, at batch 1 where the batch is free.
    pub fn hash(&self) -> CanonicalHash {
        self.hash
    }

    /// The batch that it was bound at.
    pub fn batch(&self) -> u64 {
        self.batch
    }

    /// The graph; the batch is its one hyperparameter where it is free.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The hyperparameter that is the batch, where it is free.
    pub fn batch_name(&self) -> Option<&str> {
        self.graph.hyperparameters().keys().next().map(String::as_str)
    }

    /// The network at a batch.
    ///
    /// # Errors
    /// The batch is fixed at another, or the graph does not allow this one.
    pub fn at(&self, batch: u64) -> Result<BoundGraph> {
        let name = || self.graph.name().to_owned();
        match self.batch_name() {
            None if batch == self.bound.batch() => Ok(self.bound.clone()),
            None => Err(Error::Invalid(format!(
                "the batch of `{}` is fixed at {}; it cannot be {batch}",
                self.graph.name(),
                self.bound.batch()
            ))),
            Some(free) => self
                .bound
                .rebind(&Assignment::from([(free.to_owned(), batch)]))
                .map_err(|source| Error::Graph { name: name(), source }),
        }
    }

    /// Whether the two compute the same, at this batch and at others.
    pub fn same_as(&self, other: &Self) -> bool {
        if self.file == other.file {
            return true;
        }
        if self.hash != other.hash || !self.bound.same_as(&other.bound) {
            return false;
        }
        if self.batch_name().is_none() || other.batch_name().is_none() {
            return true;
        }
        match (self.at(PROBE), other.at(PROBE)) {
            (Ok(a), Ok(b)) => a.same_as(&b),
            (Err(_), Err(_)) => true,
            _ => false,
        }
    }

    pub(crate) fn file(&self) -> &[u8] {
        &self.file
    }

    /// The file, compressed.
    pub(crate) fn packed(&self) -> Result<Vec<u8>> {
        let failed = |source| Error::Io { path: "compressing a graph".into(), source };
        zstd::bulk::compress(&self.file, LEVEL).map_err(failed)
    }

    /// Reads what [`Network::packed`] wrote.
    pub(crate) fn from_file(file: &[u8]) -> Result<Self, String> {
        let graph = Graph::from_bytes(file).map_err(|error| error.to_string())?;
        let config = graph.hyperparameters().keys().map(|name| (name.clone(), 1)).collect();
        let bound = graph.bind(&config).map_err(|error| error.to_string())?;
        Self::new(&bound).map_err(|error| error.to_string())
    }
}

/// Decompresses a graph file.
pub(crate) fn unpacked(packed: &[u8]) -> Result<Vec<u8>, String> {
    let mut file = Vec::new();
    let decoder = zstd::Decoder::new(packed).map_err(|error| error.to_string())?;
    decoder.take(LARGEST + 1).read_to_end(&mut file).map_err(|error| error.to_string())?;
    match file.len() as u64 > LARGEST {
        true => Err(format!("a graph file of more than {LARGEST} bytes")),
        false => Ok(file),
    }
}

/// The bytes of a hash, as they are stored.
pub(crate) fn bytes_of(hash: CanonicalHash) -> Vec<u8> {
    let text = hash.to_string();
    (0..32).filter_map(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()).collect()
}

impl fmt::Display for GraphKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ordinal {
            0 => self.hash.fmt(f),
            n => write!(f, "{}.{n}", self.hash),
        }
    }
}

impl FromStr for GraphKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse =
            || Error::Invalid(format!("`{text}` is no graph: 64 hexadecimal digits, and perhaps a number, are"));
        let (hash, ordinal) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Self { hash: hash.parse().map_err(|_| refuse())?, ordinal: ordinal.parse().map_err(|_| refuse())? })
    }
}

impl Serialize for GraphKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GraphKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
