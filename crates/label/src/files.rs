//! The files of a folder, by the names that their networks have in the set.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use tachograph_datasets::NetworkId;
use tachograph_networks::edge::Space;

use crate::{Error, Result, error::io};

/// A model on the disk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Model {
    pub id: NetworkId,
    pub path: PathBuf,
}

const ENDS: [&str; 2] = [".tflite", ".tflite.gz"];

/// All models in `dir` and below, sorted by id.
pub fn models(dir: &Path) -> Result<Vec<Model>> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(&folder).map_err(io(&folder))? {
            let path = item.map_err(io(&folder))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Some(id) = id(dir, &path) {
                found.push(Model { id, path });
            }
        }
    }
    found.sort();
    if found.is_empty() { Err(Error::NoFiles(dir.into())) } else { Ok(found) }
}

/// `SPACE.SEED.INDEX` is a network that the generator made; any other file is named by its path in the folder, without
/// the ending.
fn id(dir: &Path, path: &Path) -> Option<NetworkId> {
    let inner = path.strip_prefix(dir).ok()?.to_string_lossy().into_owned();
    let name = ENDS.iter().find_map(|end| inner.strip_suffix(end))?;
    let generated = || {
        let mut parts = name.rsplit('/').next()?.split('.');
        let space: Space = parts.next()?.parse().ok()?;
        let (seed, index) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then(|| NetworkId::generated(space.name(), seed, index))
    };
    Some(generated().unwrap_or_else(|| NetworkId::file(name)))
}

/// The bytes of a model, unpacked.
pub fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let packed = fs::read(path)?;
    if path.extension().is_none_or(|end| end != "gz") {
        return Ok(packed);
    }
    let mut plain = Vec::new();
    GzDecoder::new(packed.as_slice()).read_to_end(&mut plain)?;
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_generated_networks_from_others() {
        let id = |path: &str| id(Path::new("/d"), &Path::new("/d").join(path)).map(|id| id.to_string());
        assert_eq!(id("edge-audio.3.17.tflite.gz").as_deref(), Some("edge-audio:3:17"));
        assert_eq!(id("a/edge-audio.3.17.tflite").as_deref(), Some("edge-audio:3:17"));
        assert_eq!(id("a/net.v1.tflite").as_deref(), Some("file:a/net.v1"));
        assert_eq!(id("edge-audio.3.x.tflite").as_deref(), Some("file:edge-audio.3.x"));
        assert_eq!((id("a.onnx"), id("a.gz")), (None, None));
    }

    #[test]
    fn a_folder_without_models_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.onnx"), "").unwrap();
        assert!(models(dir.path()).unwrap_err().to_string().ends_with("in it or below"));
    }
}
