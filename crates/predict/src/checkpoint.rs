//! A trained network in one file.

use std::path::Path;

use crate::{
    FORMAT, Manifest, Result,
    error::checkpoint,
    tensors::{self, Arrays},
};

/// What a file holds: weights, and all that is needed to predict with them.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Weights by name.
    pub weights: Arrays,
}

impl Checkpoint {
    /// Reads a file.
    ///
    /// # Errors
    /// It is missing, damaged, of another kind, or of a newer format; names the file.
    pub fn load(path: &Path) -> Result<Self> {
        Self::new(tensors::load(path)?, path)
    }

    /// Reads a file that lies in memory; errors name `path`.
    ///
    /// # Errors
    /// As [`Checkpoint::load`].
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        Self::new(tensors::parse(bytes, path)?, path)
    }

    fn new((document, weights): (String, Arrays), path: &Path) -> Result<Self> {
        let manifest = Manifest::parse(&document).map_err(|e| checkpoint(path, e))?;
        if manifest.format > FORMAT {
            let message = format!("format {}; this library reads up to {FORMAT}", manifest.format);
            return Err(checkpoint(path, message));
        }
        Ok(Self { manifest, weights })
    }

    /// Writes a file, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let document = serde_json::to_string(&self.manifest).map_err(|e| checkpoint(path, e))?;
        tensors::save(path, &document, &self.weights)
    }
}
