//! Named tensors on disk: safetensors with a JSON manifest and a checksum.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::Write,
    path::Path,
};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use tachograph_ir::disk::replace;
use tch::{Device, Kind, Tensor};

use crate::{
    Result,
    error::{file, io, torch},
};

const DOCUMENT: &str = "tachograph";
const CHECKSUM: &str = "crc32";

/// Writes `tensors` (as f32) and `manifest`; `path` is always whole.
pub(crate) fn save(path: &Path, manifest: &str, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
    let mut rows: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let flat = tensor.f_detach().and_then(|t| t.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_reshape([-1]));
        let values = Vec::<f32>::try_from(flat.map_err(torch("checkpoint"))?).map_err(torch("checkpoint"))?;
        let mut bytes = Vec::with_capacity(4 * values.len());
        values.iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes()));
        rows.push((name.clone(), tensor.size().iter().map(|&n| n as usize).collect(), bytes));
    }
    let sum = checksum(manifest, rows.iter().map(|(name, shape, bytes)| (name.as_str(), &shape[..], &bytes[..])));
    let metadata =
        HashMap::from([(DOCUMENT.to_owned(), manifest.to_owned()), (CHECKSUM.to_owned(), format!("{sum:08x}"))]);
    let views = rows.iter().map(|(name, shape, bytes)| {
        TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view))
    });
    let views: Vec<_> = views.collect::<Result<_, _>>().map_err(|e| file(path, e))?;
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|e| file(path, e))?;

    replace(path, |out| out.write_all(&bytes)).map_err(io(path))
}

/// Reads what [`save`] wrote.
///
/// # Errors
/// A file of another kind, cut short, or altered in any byte that matters.
pub(crate) fn load(path: &Path) -> Result<(String, BTreeMap<String, Tensor>)> {
    let bytes = fs::read(path).map_err(io(path))?;
    let foreign = |e| file(path, format!("not a whole checkpoint of this library: {e}"));
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(foreign)?;
    let parsed = SafeTensors::deserialize(&bytes).map_err(foreign)?;
    let metadata = metadata.metadata().clone().unwrap_or_default();
    let missing = |key: &str| file(path, format!("not a checkpoint of this library: `{key}` is missing"));
    let manifest = metadata.get(DOCUMENT).ok_or_else(|| missing(DOCUMENT))?;
    let expected = metadata.get(CHECKSUM).ok_or_else(|| missing(CHECKSUM))?;

    let mut views = parsed.tensors();
    views.sort_by(|a, b| a.0.cmp(&b.0));
    let sum = checksum(manifest, views.iter().map(|(name, view)| (name.as_str(), view.shape(), view.data())));
    if format!("{sum:08x}") != *expected {
        return Err(file(path, format!("damaged: checksum {sum:08x}, expected {expected}")));
    }
    let mut tensors = BTreeMap::new();
    for (name, view) in views {
        let shape: Vec<i64> = view.shape().iter().map(|&n| n as i64).collect();
        let tensor = Tensor::f_from_data_size(view.data(), &shape, Kind::Float).map_err(torch("checkpoint"))?;
        tensors.insert(name, tensor);
    }
    Ok((manifest.clone(), tensors))
}

fn checksum<'a>(manifest: &str, tensors: impl Iterator<Item = (&'a str, &'a [usize], &'a [u8])>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(manifest.as_bytes());
    for (name, shape, bytes) in tensors {
        hasher.update(name.as_bytes());
        shape.iter().for_each(|n| hasher.update(&(*n as u64).to_le_bytes()));
        hasher.update(bytes);
    }
    hasher.finalize()
}
