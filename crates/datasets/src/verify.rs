//! Checksums of the files of published sets, as this project's results were made with them.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{About, Error, Result, SETS, store::sha256};

/// In the form of `sha256sum`, below the data root.
const CHECKSUMS: &str = include_str!("../checksums/data.sha256");

/// A file of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Where it should be.
    pub path: PathBuf,
    /// What was found.
    pub state: State,
}

/// What was found of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The recorded bytes.
    Same,
    /// Other bytes.
    Different,
    /// No file.
    Missing,
}

impl About {
    /// Compares the files of the set with the recorded SHA-256 sums; nothing where none are recorded.
    ///
    /// # Errors
    /// A file that is there cannot be read.
    pub fn verify(&self, root: &Path) -> Result<Vec<Verified>> {
        let lines = CHECKSUMS.lines().filter_map(|line| line.split_once("  "));
        let own = lines.filter(|(_, file)| owner(file).is_some_and(|set| set.name == self.name));
        own.map(|(sum, file)| verify(root.join(file), sum)).collect()
    }
}

/// The set that a file is of: the one with the longest folder that it lies in, and whose files begin like it.
fn owner(file: &str) -> Option<&'static About> {
    let is_of = |about: &&About| {
        let name = file.strip_prefix(about.folder).and_then(|rest| rest.strip_prefix('/'));
        name.is_some_and(|name| name.starts_with(about.files))
    };
    SETS.iter().copied().filter(is_of).max_by_key(|about| about.folder.len())
}

fn verify(path: PathBuf, sum: &str) -> Result<Verified> {
    let state = match sha256(&path) {
        Ok(found) if found == sum => State::Same,
        Ok(_) => State::Different,
        Err(error) if error.kind() == io::ErrorKind::NotFound => State::Missing,
        Err(error) => return Err(Error::io(&path)(error)),
    };
    Ok(Verified { path, state })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sets::VELA;

    #[test]
    fn every_recorded_file_belongs_to_one_set() {
        let root = Path::new("nowhere");
        let owned: usize = SETS.iter().map(|about| about.verify(root).unwrap().len()).sum();
        assert_eq!(owned, CHECKSUMS.lines().count());
        let count = |name: &str| crate::find(name).unwrap().verify(root).unwrap().len();
        assert_eq!([count("help-nb201"), count("help-ofa"), count("tpugraphs"), count("layerdag-tile")], [1, 2, 3, 3]);
    }

    #[test]
    fn tells_altered_from_missing() {
        let root = tempfile::tempdir().unwrap();
        let state = || VELA.verify(root.path()).unwrap()[0].state;
        assert_eq!(state(), State::Missing);
        std::fs::create_dir(root.path().join("vela")).unwrap();
        std::fs::write(root.path().join("vela/vela.csv"), "altered").unwrap();
        assert_eq!(state(), State::Different);
    }
}
