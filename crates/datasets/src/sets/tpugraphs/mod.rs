//! TpuGraphs (Phothilimthana et al., NeurIPS 2023): XLA graphs under many compiler configurations on a TPU.
//!
//! Every `.npz` archive below the folder is one graph; where there are none, every module in the tuning records (`.pb`).
//! Opening the set lists names and opens no archive; opening an [`Archive`] reads the headers of its arrays; arrays are
//! read when they are asked for, and configurations, most of the bytes, one by one.

mod archive;
mod arrays;
mod hlo;
mod npz;
mod of_graph;
mod operation;
mod proto;
mod raw;
mod record;
mod submission;
#[cfg(test)]
mod tests;
mod tuning;
mod wire;
mod write;

use std::path::{Path, PathBuf};

use crate::{
    About, Error, Measured, Measurement, Measurements, Result, Source,
    table::{files, stem},
};

pub use archive::{Archive, Collection};
pub use hlo::HloGraph;
pub use operation::{Operation, OperatorGraph, WindowExtent};
pub use raw::{RawConfig, RawInstruction, RawModule, RawRun};
pub use submission::{Ranked, check_submission, submission_id, write_submission};
pub use write::{Configurations, TimedGraph};

/// TpuGraphs' archives.
pub static TPUGRAPHS: About = About {
    name: "tpugraphs",
    what: "XLA graphs under many compiler configurations on TPUs: .npz archives of the tile and layout collections",
    from: "download.tensorflow.org/data/tpu_graphs/v0 (npz_*.tar), unpacked",
    licence: "Apache-2.0 (the repository google-research-datasets/tpu_graphs)",
    folder: "tpugraphs",
    files: "",
    open: |root| Ok(Box::new(TpuGraphs::open(root)?)),
};

/// Folders inside folders are followed this deep.
const DEPTH: usize = 8;

/// The set.
#[derive(Clone, Debug)]
pub struct TpuGraphs {
    folder: PathBuf,
    files: Vec<PathBuf>,
}

impl TpuGraphs {
    /// Opens the set below the root of all sets.
    ///
    /// # Errors
    /// The folder is not there, or a folder in it cannot be listed.
    pub fn open(root: &Path) -> Result<Self> {
        Self::open_folder(&TPUGRAPHS.path(root, "")?)
    }

    /// Opens any folder of archives, such as `npz/layout/xla/random/valid` or `pb/layout/xla/random/valid`.
    ///
    /// # Errors
    /// The folder, or one in it, cannot be listed; there are no `.npz` archives, and a `.pb` file cannot be read.
    pub fn open_folder(folder: &Path) -> Result<Self> {
        let (mut files, mut records) = (Vec::new(), Vec::new());
        list(folder, DEPTH, &mut files, &mut records)?;
        // TpuGraphs has the same graphs in both forms.
        if files.is_empty() {
            for record in records {
                files.extend(Archive::within(&record)?);
            }
        }
        files.sort();
        Ok(Self { folder: folder.into(), files })
    }

    /// The archives, in order of path.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The files of raw records directly in the folder, for [`RawModule::read`].
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn raw_files(&self) -> Result<Vec<PathBuf>> {
        files(&self.folder, &[".pb"])
    }

    /// Opens the archives one by one.
    pub fn archives(&self) -> impl Iterator<Item = Result<Archive>> {
        self.files.iter().map(|path| Archive::open(path))
    }

    /// Name of a graph: its path below the folder, without extension; the fingerprint of a module has none.
    pub fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).with_extension("").to_string_lossy().into_owned()
    }
}

fn list(folder: &Path, depth: usize, files: &mut Vec<PathBuf>, records: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        if path.extension().is_some_and(|end| end == "npz") {
            files.push(path);
        } else if archive::is_tuning(&path) && path.is_file() {
            records.push(path);
        } else if depth > 0 && path.is_dir() {
            list(&path, depth - 1, files, records)?;
        }
    }
    Ok(())
}

impl Source for TpuGraphs {
    fn about(&self) -> &'static About {
        &TPUGRAPHS
    }

    /// One measurement a configuration. Families are the leading letters of the file's name.
    fn measurements(&self) -> Result<Measurements<'_>> {
        Ok(Box::new(self.files.iter().flat_map(|path| {
            let (network, file) = (self.name(path), stem(archive::file(path), &[".npz", ".pb"]));
            let family = file.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default().to_owned();
            let (times, error) = match Archive::open(path).and_then(|mut archive| archive.run_times()) {
                Ok(times) => (times, None),
                Err(error) => (Vec::new(), Some(Err(error))),
            };
            let measurements = times.into_iter().zip(0..).map(move |(ns, configuration)| {
                let time = Measurement::new(&network, &family, "TPU", 1, Measured::ms(ns / 1e6));
                Ok(Measurement { configuration: Some(configuration), ..time })
            });
            measurements.chain(error)
        })))
    }
}
