//! Cases in which `tachograph-gnn` is measured beside PyTorch Geometric; `peers/gnn.py` is the other side.
//!
//! A case is prepared once: inputs and weights become a [`Folder`] of raw arrays. Both sides then read the folder and
//! time the same work, each from the arrays in memory to the result.

mod bare;
pub mod cases;
mod folder;
mod graphs;
mod kernels;
mod model;
pub mod nb201;
mod network;
mod score;

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use tch::Tensor;

pub use bare::copy_rate;
pub use cases::{CASES, Case, Kind};
pub use folder::{Folder, write_outputs};

/// Seconds of one run.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Seconds {
    /// From the arrays to what the network reads, compression included.
    pub build: f64,
    /// The network or kernel itself.
    pub network: f64,
}

/// Work that can be repeated.
pub trait Work {
    /// Does it once.
    ///
    /// # Errors
    /// The library refuses a call.
    fn run(&mut self) -> Result<Seconds>;

    /// What the last run computed, by name.
    ///
    /// # Errors
    /// There was no run yet.
    fn outputs(&self) -> Result<Vec<(String, Tensor)>>;
}

/// The least that a case can cost.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Floor {
    /// Floating-point operations of the matrix products.
    pub flop: f64,
    /// Bytes that message passing reads and writes when every row is read once for each edge and written once.
    pub bytes: f64,
}

/// Writes inputs and weights of `case` to `path`.
///
/// # Errors
/// A folder that cannot be written, a model file that is not there.
pub fn prepare(case: &Case, path: &Path) -> Result<()> {
    tch::manual_seed(1);
    let mut folder = Folder::create(path, case)?;
    match &case.kind {
        Kind::Network(spec) => network::prepare(spec, &mut folder),
        Kind::Score(spec) => score::prepare(spec, &mut folder),
        Kind::Kernel(spec) => kernels::prepare(spec, &mut folder),
    }?;
    folder.finish()
}

/// The work of `case` on what [`prepare`] wrote.
///
/// # Errors
/// A folder of another case.
pub fn open(case: &Case, path: &Path) -> Result<Box<dyn Work>> {
    let folder = Folder::open(path)?;
    let work: Result<Box<dyn Work>> = match case.kind {
        Kind::Network(spec) => network::open(spec, &folder).map(|w| Box::new(w) as _),
        Kind::Score(spec) => score::open(spec, &folder).map(|w| Box::new(w) as _),
        Kind::Kernel(spec) => kernels::open(spec, &folder).map(|w| Box::new(w) as _),
    };
    work.with_context(|| format!("case {}", case.name))
}

/// The matrix products of `case` without compression, or for a kernel a copy of the bytes that it cannot but move.
///
/// # Errors
/// A folder of another case.
pub fn open_bare(case: &Case, path: &Path) -> Result<Box<dyn Work>> {
    bare::open(case, &Folder::open(path)?).map(|w| Box::new(w) as _)
}

/// The least that `case` can cost without compression.
///
/// # Errors
/// A folder of another case.
pub fn floor(case: &Case, path: &Path) -> Result<Floor> {
    bare::floor(case, &Folder::open(path)?)
}
