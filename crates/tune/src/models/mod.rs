//! Cost models: what a point is worth before it is measured.

mod boosting;
mod formula;
pub mod gp;
mod log_mlp;
mod mlp;
mod moses;
#[cfg(feature = "torch")]
mod network;
mod polydl;
#[cfg(feature = "torch")]
mod programs;
mod reading;
mod trees;

use std::path::Path;

use rand_chacha::ChaCha8Rng;

pub use boosting::{Boosting, BoostingOptions, Objective, Packed};
pub use formula::Formula;
pub use gp::{Gp, Kernel, Shape};
pub use log_mlp::LogMlp;
pub use moses::Moses;
#[cfg(feature = "torch")]
pub use network::Learned;
pub use polydl::PolyDl;
#[cfg(feature = "torch")]
pub use programs::{divide, features_of_programs, graph, program_tasks};
pub use reading::Reading;
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

/// Learns scores of points from what it reads of them ([`Domain::reading`](crate::Domain::reading)).
pub trait CostModel: Send {
    /// Learns from all that is known, anew or from where it was. Scores are throughputs relative to the best, 0 for failures.
    ///
    /// # Errors
    /// Points that cannot be learned from.
    fn fit(&mut self, points: &[Reading], scores: &[f64], rng: &mut ChaCha8Rng) -> Result<()>;

    /// Scores points. A model that has not learned anything scores all alike.
    ///
    /// # Errors
    /// Points that it cannot read.
    fn predict(&self, points: &[Reading]) -> Result<Vec<Estimate>>;

    /// Whether it has learned from other programs, and needs no random start.
    fn is_trained(&self) -> bool {
        false
    }
}

/// A cost model that reads rows of numbers, all of one length.
pub trait RowModel: Send {
    /// Its name in errors.
    const NAME: &'static str;

    /// As [`CostModel::fit`].
    ///
    /// # Errors
    /// Rows that cannot be learned from.
    fn fit_rows(&mut self, rows: &[Vec<f64>], scores: &[f64], rng: &mut ChaCha8Rng) -> Result<()>;

    /// As [`CostModel::predict`].
    fn predict_rows(&self, rows: &[Vec<f64>]) -> Vec<Estimate>;
}

impl<M: RowModel> CostModel for M {
    fn fit(&mut self, points: &[Reading], scores: &[f64], rng: &mut ChaCha8Rng) -> Result<()> {
        self.fit_rows(&reading::rows(points, M::NAME)?, scores, rng)
    }

    fn predict(&self, points: &[Reading]) -> Result<Vec<Estimate>> {
        Ok(self.predict_rows(&reading::rows(points, M::NAME)?))
    }
}

/// How a registered model is made.
pub enum Model {
    /// One that reads rows of numbers.
    Rows(fn() -> Box<dyn CostModel>),
    /// One that reads features of programs, their sums, and knows what each of them is: nothing for tables of configurations.
    Features(fn() -> Box<dyn CostModel>),
    /// A network on libtorch that reads programs whole: its settings as JSON, as a recipe has them under `[model]`.
    Network(&'static str),
}

/// A registered model.
pub struct CostModelEntry {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// How it is made.
    pub model: Model,
}

const fn rows(name: &'static str, about: &'static str, make: fn() -> Box<dyn CostModel>) -> CostModelEntry {
    CostModelEntry { name, about, model: Model::Rows(make) }
}

const fn features(name: &'static str, about: &'static str, make: fn() -> Box<dyn CostModel>) -> CostModelEntry {
    CostModelEntry { name, about, model: Model::Features(make) }
}

const fn network(name: &'static str, about: &'static str, settings: &'static str) -> CostModelEntry {
    CostModelEntry { name, about, model: Model::Network(settings) }
}

/// Every cost model, a line each.
pub const COST_MODELS: &[CostModelEntry] = &[
    rows("trees", "boosted regression trees, depth 3, learning rate 0.3 (AutoTVM's settings)", || {
        Box::new(Trees::new(TreesOptions::AUTOTVM))
    }),
    rows("deep-trees", "boosted regression trees, depth 10, learning rate 0.2 (Ansor's and MetaSchedule's)", || {
        Box::new(Trees::new(TreesOptions::ANSOR))
    }),
    rows("gp", "Gaussian process, Matérn 5/2, a length for each column", || Box::new(Gp::new(Kernel::MATERN, 30))),
    features("pruner-formula", "Pruner's formula of a program's time", || Box::new(Formula::Pruner)),
    features("code-formula", "what the C of a program takes of a core, or of its caches", || Box::new(Formula::Code)),
    features("polydl-cost", "PolyDL: cycles by where working sets are placed", || Box::new(PolyDl::cost())),
    features("polydl-tree", "PolyDL: a tournament of a decision tree", || Box::new(PolyDl::tree())),
    features("polydl-network", "PolyDL: a tournament of a network that learns", || Box::new(PolyDl::network())),
    network("tenset-mlp", "TenSet's perceptron, summed over stores", r#"{"kind": "tenset-mlp"}"#),
    network("tlp", "TLP: attention over the steps of a schedule", r#"{"kind": "tlp"}"#),
    network("pruner-pacm", "Pruner's PaCM: statements, and attention among flows of buffers", r#"{"kind": "pacm"}"#),
    network("gtuner", "GTuner: WL-GCN over loops, attention among statistics", r#"{"kind": "gtuner"}"#),
    network("gtuner-mhsa", "its ablation: attention alone", r#"{"kind": "gtuner", "layers": 0}"#),
    network("gtuner-mlp", "its ablation: WL-GCN, no attention", r#"{"kind": "gtuner", "attention": false}"#),
    network("gtuner-spec-gcn", "its ablation: GCN", r#"{"kind": "gtuner", "conv": {"kind": "gcn"}}"#),
    network("gtuner-mask-gat", "its ablation: graph attention", r#"{"kind": "gtuner", "conv": {"kind": "gat"}}"#),
    network("gtuner-sage", "its ablation: GraphSAGE", r#"{"kind": "gtuner", "conv": {"kind": "sage"}}"#),
];

/// A registered cost model.
///
/// # Errors
/// There is none of that name.
pub fn entry(name: &str) -> Result<&'static CostModelEntry> {
    COST_MODELS.iter().find(|entry| entry.name == name).ok_or_else(|| Error::Unknown {
        what: "cost model",
        name: name.into(),
        known: COST_MODELS.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", "),
    })
}

impl CostModelEntry {
    /// Makes one that reads these features of programs, with what a checkpoint has learned.
    ///
    /// # Errors
    /// A checkpoint where there is no network, or of another one; a network where there is no libtorch.
    pub fn make(&self, features: Option<&'static str>, checkpoint: Option<&Path>) -> Result<Box<dyn CostModel>> {
        let refuse = |message: &str| Err(Error::Model { model: self.name, message: message.into() });
        match (&self.model, checkpoint) {
            (Model::Rows(make) | Model::Features(make), None) => Ok(make()),
            (Model::Rows(_) | Model::Features(_), Some(_)) => refuse("is no network, and starts from no checkpoint"),
            #[cfg(feature = "torch")]
            (Model::Network(settings), _) => match features {
                Some(features) => Ok(Box::new(Learned::new(self.name, settings, features, checkpoint)?)),
                None => refuse("reads programs, of which no features are named"),
            },
            #[cfg(not(feature = "torch"))]
            (Model::Network(_), _) => {
                let _ = features;
                refuse("is a network, and this program is built without libtorch (feature `torch`)")
            }
        }
    }
}
