//! The checkpoints that come along, embedded so that a program finds them wherever it lies.

use std::path::Path;

use crate::{Checkpoint, Error, Predictor, Result};

/// A checkpoint that comes along.
#[derive(Clone, Copy)]
pub struct Bundled {
    /// Its name.
    pub name: &'static str,
    bytes: &'static [u8],
}

macro_rules! bundled {
    ($($name:literal),*) => {
        &[$(Bundled { name: $name, bytes: include_bytes!(concat!("../checkpoints/", $name, ".safetensors")) }),*]
    };
}

impl Bundled {
    /// Every one. `cpu` is a sum over operators for one core of a server's CPU, `timm` a learned roofline for GPUs and CPUs
    /// (latency, memory and energy), `nnlp-cpu` the published NNLP for the first of them, `ethos-u` a learned roofline of what
    /// Arm's compiler estimates for accelerators.
    pub const ALL: &[Self] = bundled!["cpu", "timm", "nnlp-cpu", "ethos-u"];

    /// The one of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn named(name: &str) -> Result<Self> {
        let known = || Self::ALL.iter().map(|bundled| bundled.name).collect::<Vec<_>>().join(", ");
        let found = Self::ALL.iter().find(|bundled| bundled.name == name);
        found.copied().ok_or_else(|| Error::Bundled { name: name.into(), known: known() })
    }

    /// What it holds.
    ///
    /// # Errors
    /// None but those of a damaged program.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        Checkpoint::parse(self.bytes, Path::new(self.name))
    }

    /// Ready to predict.
    ///
    /// # Errors
    /// As [`Bundled::checkpoint`].
    pub fn load(&self) -> Result<Predictor> {
        Predictor::new(self.checkpoint()?)
    }
}

impl std::fmt::Debug for Bundled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bundled({}, {} bytes)", self.name, self.bytes.len())
    }
}
