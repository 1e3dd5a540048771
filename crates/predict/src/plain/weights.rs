//! Weights of one network of a checkpoint, by name.

use ndarray::{Array1, Array2};

use crate::{Error, NetworkSpec, Result, tensors::Arrays};

/// Weights whose names begin with `prefix`, and the settings that go with them.
pub(super) struct Weights<'a> {
    pub all: &'a Arrays,
    pub prefix: String,
    pub spec: &'a NetworkSpec,
}

impl Weights<'_> {
    /// True where the checkpoint has a weight of this name.
    pub fn has(&self, name: &str) -> bool {
        self.all.contains_key(&format!("{}{name}", self.prefix))
    }

    /// A vector of any length.
    pub fn vector(&self, name: &str) -> Result<Array1<f32>> {
        let (shape, values) = self.get(name)?;
        if shape.len() != 1 {
            return Err(self.refuse(name, format!("has shape {shape:?}, expected one extent")));
        }
        Ok(Array1::from(values.to_vec()))
    }

    /// A matrix with `columns` columns.
    pub fn matrix(&self, name: &str, columns: usize) -> Result<Array2<f32>> {
        let (shape, values) = self.get(name)?;
        let wrong = || self.refuse(name, format!("has shape {shape:?}, expected (any, {columns})"));
        match shape {
            &[rows, found] if found == columns => {
                Array2::from_shape_vec((rows, found), values.to_vec()).map_err(|_| wrong())
            }
            _ => Err(wrong()),
        }
    }

    fn get(&self, name: &str) -> Result<(&[usize], &[f32])> {
        let found = self.all.get(&format!("{}{name}", self.prefix));
        let array = found.ok_or_else(|| self.refuse(name, "is missing".into()))?;
        Ok((&array.shape, &array.values))
    }

    /// An error that names the weight.
    pub fn refuse(&self, name: &str, message: String) -> Error {
        Error::Weight { name: format!("{}{name}", self.prefix), message }
    }
}
