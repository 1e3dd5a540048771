//! Files that have no label, and why: `refusals/DEVICE.jsonl` in the folder of the set.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tachograph_datasets::NetworkId;

use crate::{Result, error::io};

/// A file that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The network.
    pub network: NetworkId,
    /// Why, in the words of what refused it.
    pub reason: String,
    /// What refused it, with its version.
    pub library: String,
}

/// The refusals of a device, on the disk.
pub(crate) struct Refusals {
    path: PathBuf,
    file: File,
    known: BTreeMap<NetworkId, Refusal>,
}

/// The refusals of a device in a set that [`label`](crate::label) made.
///
/// # Errors
/// A file that cannot be read.
pub fn refusals(set: &Path, device: &str) -> Result<Vec<Refusal>> {
    Ok(Refusals::open(set, device)?.known.into_values().collect())
}

impl Refusals {
    /// Reads what is there; a last line that a killed process left torn is dropped.
    pub fn open(set: &Path, device: &str) -> Result<Self> {
        let dir = set.join("refusals");
        fs::create_dir_all(&dir).map_err(io(&dir))?;
        let path = dir.join(format!("{device}.jsonl"));
        let mut known = BTreeMap::new();
        if path.exists() {
            for line in BufReader::new(File::open(&path).map_err(io(&path))?).lines() {
                let line = line.map_err(io(&path))?;
                if let Ok(refusal) = serde_json::from_str::<Refusal>(&line) {
                    known.insert(refusal.network.clone(), refusal);
                }
            }
        }
        let mut file = File::create(&path).map_err(io(&path))?;
        for refusal in known.values() {
            write(&mut file, refusal).map_err(io(&path))?;
        }
        drop(file);
        let file = OpenOptions::new().append(true).open(&path).map_err(io(&path))?;
        Ok(Self { path, file, known })
    }

    pub fn has(&self, network: &NetworkId) -> bool {
        self.known.contains_key(network)
    }

    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn add(&mut self, refusal: Refusal) -> Result<()> {
        write(&mut self.file, &refusal).map_err(io(&self.path))?;
        self.known.insert(refusal.network.clone(), refusal);
        Ok(())
    }
}

fn write(file: &mut File, refusal: &Refusal) -> std::io::Result<()> {
    let line = serde_json::to_string(refusal)? + "\n";
    file.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn come_back_without_what_was_torn() {
        let dir = tempfile::tempdir().unwrap();
        let refusal = |name: &str| Refusal {
            network: NetworkId::file(name),
            reason: "no operator".into(),
            library: "tool 1".into(),
        };
        let mut refusals = Refusals::open(dir.path(), "d").unwrap();
        refusals.add(refusal("a")).unwrap();
        refusals.add(refusal("b")).unwrap();
        let path = dir.path().join("refusals/d.jsonl");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() - 9]).unwrap();
        let again = Refusals::open(dir.path(), "d").unwrap();
        assert!(again.has(&NetworkId::file("a")) && again.len() == 1);
    }
}
