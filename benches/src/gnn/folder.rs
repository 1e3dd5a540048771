//! Raw little-endian arrays in a folder, with a manifest that both sides read.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::Case;

/// Inputs and weights of a case on disk.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    case: serde_json::Value,
    arrays: BTreeMap<String, Array>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Array {
    /// As NumPy writes it.
    dtype: String,
    shape: Vec<usize>,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    case: serde_json::Value,
    arrays: BTreeMap<String, Array>,
}

impl Folder {
    /// An empty folder for `case`; [`Folder::finish`] completes it.
    pub(super) fn create(path: &Path, case: &Case) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| path.display().to_string())?;
        Ok(Self { path: path.into(), case: serde_json::to_value(case)?, arrays: BTreeMap::new() })
    }

    /// What [`Folder::finish`] completed.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path.join("manifest.json")).with_context(|| path.display().to_string())?;
        let Manifest { case, arrays } = serde_json::from_str(&text)?;
        Ok(Self { path: path.into(), case, arrays })
    }

    pub(super) fn finish(self) -> Result<()> {
        let text = serde_json::to_string(&Manifest { case: self.case, arrays: self.arrays })?;
        Ok(fs::write(self.path.join("manifest.json"), text)?)
    }

    /// Adds an array of f32.
    pub(super) fn put_floats(&mut self, name: &str, values: &[f32], shape: &[usize]) -> Result<()> {
        self.put(name, "<f4", values.iter().flat_map(|v| v.to_le_bytes()).collect(), shape)
    }

    /// Adds an array of u32.
    pub(super) fn put_integers(&mut self, name: &str, values: &[u32], shape: &[usize]) -> Result<()> {
        self.put(name, "<u4", values.iter().flat_map(|v| v.to_le_bytes()).collect(), shape)
    }

    /// Adds a file as it is.
    pub(super) fn put_text(&mut self, name: &str, text: &str) -> Result<()> {
        Ok(fs::write(self.path.join(name), text)?)
    }

    fn put(&mut self, name: &str, dtype: &str, bytes: Vec<u8>, shape: &[usize]) -> Result<()> {
        ensure!(bytes.len() == 4 * shape.iter().product::<usize>(), "{name}: {} bytes for {shape:?}", bytes.len());
        fs::write(self.path.join(name), bytes)?;
        self.arrays.insert(name.into(), Array { dtype: dtype.into(), shape: shape.into() });
        Ok(())
    }

    /// An array of f32 and its shape.
    pub(super) fn floats(&self, name: &str) -> Result<(Vec<f32>, Vec<usize>)> {
        let (words, shape) = self.words(name, "<f4")?;
        Ok((words.map(f32::from_le_bytes).collect(), shape))
    }

    /// An array of u32.
    pub(super) fn integers(&self, name: &str) -> Result<Vec<u32>> {
        Ok(self.words(name, "<u4")?.0.map(u32::from_le_bytes).collect())
    }

    /// A text file.
    pub(super) fn text(&self, name: &str) -> Result<String> {
        fs::read_to_string(self.path.join(name)).with_context(|| name.to_owned())
    }

    /// An array of f32 as a tensor.
    pub(super) fn tensor(&self, name: &str) -> Result<Tensor> {
        let (values, shape) = self.floats(name)?;
        let shape: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
        Ok(Tensor::f_from_slice(&values)?.f_reshape(shape)?)
    }

    /// Shape of an array.
    pub(super) fn shape(&self, name: &str) -> Result<&[usize]> {
        Ok(&self.arrays.get(name).with_context(|| format!("no array `{name}`"))?.shape)
    }

    fn words(&self, name: &str, dtype: &str) -> Result<(impl Iterator<Item = [u8; 4]> + use<>, Vec<usize>)> {
        let array = self.arrays.get(name).with_context(|| format!("no array `{name}`"))?;
        ensure!(array.dtype == dtype, "`{name}` holds {}, not {dtype}", array.dtype);
        let bytes = fs::read(self.path.join(name)).with_context(|| name.to_owned())?;
        let count = bytes.len() / 4;
        let word = move |i: usize| [bytes[4 * i], bytes[4 * i + 1], bytes[4 * i + 2], bytes[4 * i + 3]];
        Ok(((0..count).map(word), array.shape.clone()))
    }
}

/// Writes results as f32 for the comparison: `FOLDER/SIDE.NAME`.
///
/// # Errors
/// A folder that cannot be written.
pub fn write_outputs(path: &Path, side: &str, outputs: &[(String, Tensor)]) -> Result<Vec<String>> {
    let mut names = vec![];
    for (name, tensor) in outputs {
        let values = Vec::<f32>::try_from(tensor.f_detach()?.f_to_kind(tch::Kind::Float)?.f_reshape([-1])?)?;
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        fs::write(path.join(format!("{side}.{name}")), bytes)?;
        names.push(name.clone());
    }
    Ok(names)
}
