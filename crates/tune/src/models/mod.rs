//! Cost models: what a point is worth before it is measured.

mod boosting;
pub mod gp;
mod log_mlp;
mod mlp;
mod moses;
mod trees;

use rand_chacha::ChaCha8Rng;

pub use boosting::{Boosting, BoostingOptions, Objective, Packed};
pub use gp::{Gp, Kernel, Shape};
pub use log_mlp::LogMlp;
pub use moses::Moses;
pub use trees::{Trees, TreesOptions};

use crate::{Error, Result};

/// What a model thinks of a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The expected score; the more the better.
    pub mean: f64,
    /// Its standard deviation; 0 for a model that does not know its doubts.
    pub deviation: f64,
}

/// Learns scores from rows of numbers ([`Domain::row`](crate::Domain::row), or features of programs).
pub trait CostModel: Send {
    /// Learns from all that is known, anew or from where it was.
    ///
    /// # Errors
    /// Rows that cannot be learned from.
    fn fit(&mut self, rows: &[Vec<f64>], scores: &[f64], rng: &mut ChaCha8Rng) -> Result<()>;

    /// Scores rows. A model that has not learned anything scores all alike.
    fn predict(&self, rows: &[Vec<f64>]) -> Vec<Estimate>;
}

/// A registered model.
pub struct CostModelEntry {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Makes one.
    pub make: fn() -> Box<dyn CostModel>,
}

/// Every cost model, a line each.
pub const COST_MODELS: &[CostModelEntry] = &[
    CostModelEntry {
        name: "trees",
        about: "boosted regression trees, depth 3, learning rate 0.3 (AutoTVM's settings)",
        make: || Box::new(Trees::new(TreesOptions::AUTOTVM)),
    },
    CostModelEntry {
        name: "deep-trees",
        about: "boosted regression trees, depth 10, learning rate 0.2 (Ansor's and MetaSchedule's settings)",
        make: || Box::new(Trees::new(TreesOptions::ANSOR)),
    },
    CostModelEntry {
        name: "gp",
        about: "Gaussian process, Matérn 5/2, a length for each column",
        make: || Box::new(Gp::new(Kernel::MATERN, 30)),
    },
];

/// A cost model by its name.
///
/// # Errors
/// There is none of that name.
pub fn cost_model(name: &str) -> Result<Box<dyn CostModel>> {
    let entry = COST_MODELS.iter().find(|entry| entry.name == name);
    entry.map(|entry| (entry.make)()).ok_or_else(|| Error::Unknown {
        what: "cost model",
        name: name.into(),
        known: COST_MODELS.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", "),
    })
}
