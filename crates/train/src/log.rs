//! `metrics.jsonl`: one line an epoch.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use tachograph_ir::disk::replace;

use crate::{
    Epoch, Result,
    error::{file, io},
};

/// Name of the log in a run directory.
pub const METRICS: &str = "metrics.jsonl";

/// The log of a run.
pub(crate) struct Log {
    path: PathBuf,
    /// False where another rank writes it.
    writes: bool,
}

impl Log {
    /// Keeps the lines of the first `epochs` epochs: a process that was killed may have written more than it saved, and half a line.
    pub fn open(dir: &Path, epochs: u32, writes: bool) -> Result<Self> {
        let path = dir.join(METRICS);
        if !writes {
            return Ok(Self { path, writes });
        }
        let kept = read(&path)?.into_iter().filter(|line| line.epoch <= epochs);
        let lines = kept.map(|epoch| line(&path, &epoch)).collect::<Result<String>>()?;
        replace(&path, |out| out.write_all(lines.as_bytes())).map_err(io(&path))?;
        Ok(Self { path, writes })
    }

    /// Adds a line.
    pub fn append(&self, epoch: &Epoch) -> Result<()> {
        if !self.writes {
            return Ok(());
        }
        let line = line(&self.path, epoch)?;
        let write = || {
            let mut out = OpenOptions::new().append(true).open(&self.path)?;
            out.write_all(line.as_bytes()).and_then(|()| out.sync_data())
        };
        write().map_err(io(&self.path))
    }

    /// All whole lines.
    pub fn epochs(&self) -> Result<Vec<Epoch>> {
        read(&self.path)
    }
}

fn line(path: &Path, epoch: &Epoch) -> Result<String> {
    serde_json::to_string(epoch).map(|text| text + "\n").map_err(|e| file(path, e))
}

/// The lines that are whole.
fn read(path: &Path) -> Result<Vec<Epoch>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().map_while(|line| serde_json::from_str(line).ok()).collect()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(vec![]),
        Err(e) => Err(io(path)(e)),
    }
}
