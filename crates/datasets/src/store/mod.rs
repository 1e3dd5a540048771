//! Data sets on disk.
//!
//! A data set is a folder:
//!
//! | file | holds |
//! |---|---|
//! | `meta.json` | a [`Meta`]: what the other files are, with counts and SHA-256 sums |
//! | `graphs.jsonl.zst` | one line a network, `{"id": …, "graph": …}`, sorted by id, Zstandard |
//! | `measurements/DEVICE.jsonl` | one line a [`Record`](crate::Record), in the order measured |
//! | `measurements/DEVICE.jsonl.zst` | the same, Zstandard: in its place where a set has very many |
//! | `graphs.jsonl` | only while a [`Writer`] is at work: networks that are not in `graphs.jsonl.zst` yet |

mod lines;
mod reader;
mod writer;

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tachograph_ir::{
    Graph,
    disk::{self, hex},
};

use crate::{Error, NetworkId, Result};

pub use reader::DataSet;
pub use writer::Writer;

pub(crate) const META: &str = "meta.json";
const GRAPHS: &str = "graphs.jsonl.zst";
const NEW_GRAPHS: &str = "graphs.jsonl";
const MEASUREMENTS: &str = "measurements";
const FORMAT: u32 = 1;
/// What the name of a packed file ends with.
const PACKED: &str = ".zst";

/// Contents of `meta.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Version of the folder's layout.
    pub format: u32,
    /// The file of graphs.
    pub graphs: FileMeta,
    /// The files of measurements, one a device.
    pub devices: Vec<DeviceMeta>,
}

/// A file, so that damage shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMeta {
    /// Path within the folder.
    pub file: String,
    /// Number of lines, before compression.
    pub count: usize,
    /// SHA-256 of the file as it lies on disk, in hexadecimal.
    pub sha256: String,
}

/// A file of measurements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceMeta {
    /// How they were made.
    #[serde(flatten)]
    pub run: Run,
    /// Where they are.
    #[serde(flatten)]
    pub file: FileMeta,
}

/// How the measurements of a device are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Name of the device; every [`Record`](crate::Record) repeats it.
    pub device: String,
    /// The protocol, for people.
    pub protocol: String,
    /// Seed of the generated networks.
    pub seed: u64,
}

/// One line of the file of graphs.
#[derive(Serialize, Deserialize)]
struct Network<G = Graph> {
    id: NetworkId,
    graph: G,
}

/// Meta of a file on disk.
fn describe(dir: &Path, file: &str, count: usize) -> Result<FileMeta> {
    let path = dir.join(file);
    let sha256 = sha256(&path).map_err(Error::io(&path))?;
    Ok(FileMeta { file: file.into(), count, sha256 })
}

/// SHA-256 of a file, in hexadecimal.
pub(crate) fn sha256(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    io::copy(&mut fs::File::open(path)?, &mut hash)?;
    Ok(hex(hash.finalize()))
}

fn read_meta(dir: &Path) -> Result<Meta> {
    let path = dir.join(META);
    let text = fs::read_to_string(&path).map_err(Error::io(&path))?;
    let meta: Meta = serde_json::from_str(&text).map_err(|e| Error::line(&path, e.line(), e))?;
    if meta.format != FORMAT {
        let message = format!("layout version {}; this library reads version {FORMAT}", meta.format);
        return Err(Error::damaged(&path, message));
    }
    Ok(meta)
}

/// Writes a file whole or not at all.
fn replace(path: &Path, write: impl FnOnce(&mut fs::File) -> io::Result<()>) -> Result<()> {
    disk::replace(path, write).map_err(Error::io(path))
}

#[cfg(test)]
mod tests;
