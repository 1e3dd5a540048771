//! Named arrays on disk: safetensors with a JSON document and a checksum, whole or not at all.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::Write,
    path::Path,
};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use tachograph_ir::disk::replace;

use crate::{
    Result,
    error::{checkpoint, io},
};

const DOCUMENT: &str = "tachograph";
const CHECKSUM: &str = "crc32";

/// An array of f32, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Array {
    /// Its extents.
    pub shape: Vec<usize>,
    /// As many values as their product.
    pub values: Vec<f32>,
}

/// Arrays by name.
pub type Arrays = BTreeMap<String, Array>;

/// Writes `arrays` and `document`; `path` is always whole.
///
/// # Errors
/// The file cannot be written.
pub fn save(path: &Path, document: &str, arrays: &Arrays) -> Result<()> {
    let bytes = |array: &Array| -> Vec<u8> { array.values.iter().flat_map(|v| v.to_le_bytes()).collect() };
    let rows: Vec<(&str, &[usize], Vec<u8>)> =
        arrays.iter().map(|(name, array)| (name.as_str(), &array.shape[..], bytes(array))).collect();
    let sum = checksum(document, rows.iter().map(|(name, shape, bytes)| (*name, *shape, &bytes[..])));
    let metadata =
        HashMap::from([(DOCUMENT.to_owned(), document.to_owned()), (CHECKSUM.to_owned(), format!("{sum:08x}"))]);
    let views = rows
        .iter()
        .map(|(name, shape, bytes)| TensorView::new(Dtype::F32, shape.to_vec(), bytes).map(|view| (*name, view)));
    let views: Vec<_> = views.collect::<Result<_, _>>().map_err(|e| checkpoint(path, e))?;
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|e| checkpoint(path, e))?;

    replace(path, |out| out.write_all(&bytes)).map_err(io(path))
}

/// Reads what [`save`] wrote: the document and the arrays.
///
/// # Errors
/// A file that cannot be read, is of another kind, cut short, or altered in any byte that matters.
pub fn load(path: &Path) -> Result<(String, Arrays)> {
    parse(&fs::read(path).map_err(io(path))?, path)
}

/// As [`load`], from memory; errors name `path`.
///
/// # Errors
/// As [`load`].
pub fn parse(bytes: &[u8], path: &Path) -> Result<(String, Arrays)> {
    let foreign = |e| checkpoint(path, format!("not a whole checkpoint of this library: {e}"));
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(foreign)?;
    let parsed = SafeTensors::deserialize(bytes).map_err(foreign)?;
    let metadata = metadata.metadata().clone().unwrap_or_default();
    let missing = |key: &str| checkpoint(path, format!("not a checkpoint of this library: `{key}` is missing"));
    let document = metadata.get(DOCUMENT).ok_or_else(|| missing(DOCUMENT))?;
    let expected = metadata.get(CHECKSUM).ok_or_else(|| missing(CHECKSUM))?;

    let mut views = parsed.tensors();
    views.sort_by(|a, b| a.0.cmp(&b.0));
    let sum = checksum(document, views.iter().map(|(name, view)| (name.as_str(), view.shape(), view.data())));
    if format!("{sum:08x}") != *expected {
        return Err(checkpoint(path, format!("damaged: checksum {sum:08x}, expected {expected}")));
    }
    let array = |view: &TensorView<'_>| Array {
        shape: view.shape().to_vec(),
        values: view.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
    };
    if let Some((name, view)) = views.iter().find(|(_, view)| view.dtype() != Dtype::F32) {
        return Err(checkpoint(path, format!("`{name}` is of type {:?}, not F32", view.dtype())));
    }
    Ok((document.clone(), views.iter().map(|(name, view)| (name.clone(), array(view))).collect()))
}

fn checksum<'a>(document: &str, arrays: impl Iterator<Item = (&'a str, &'a [usize], &'a [u8])>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(document.as_bytes());
    for (name, shape, bytes) in arrays {
        hasher.update(name.as_bytes());
        shape.iter().for_each(|n| hasher.update(&(*n as u64).to_le_bytes()));
        hasher.update(bytes);
    }
    hasher.finalize()
}
