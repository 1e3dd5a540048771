//! Forward passes in plain Rust, one kind of network a file, for the kinds that are bundled. They compute what
//! `tachograph-models` computes on libtorch, from the same weights.
//!
//! A new kind is one file and one line in [`KINDS`].

mod activation;
mod batch;
mod learned_roofline;
mod linear;
mod nnlp;
mod operator_sum;
mod sage;
mod weights;

use ndarray::{Array2, s};
use rayon::prelude::*;
use tachograph_features::{FeatureGraph, Schema};
use tachograph_ir::Quantity;

use self::{batch::Batch, weights::Weights};
use crate::{Checkpoint, Error, Result, ensemble::prefix};

/// A network of one kind.
trait Network: Send + Sync {
    /// Message-passing layers: what a batch must be built for.
    fn layers(&self) -> usize;

    /// What the heads of `outputs` put out: (graphs, outputs).
    fn forward(&self, batch: &Batch, outputs: &[usize]) -> Array2<f32>;

    /// What one head puts out for each operator, where it is a sum over operators; `batch` is one graph, not compressed.
    fn operators(&self, batch: &Batch, output: usize) -> Option<Vec<f32>>;

    /// What the heads read of each graph: (graphs, width).
    fn embed(&self, batch: &Batch) -> Array2<f32>;
}

/// Builds a network from weights, for features of a schema and outputs of these quantities.
type Build = fn(&Weights<'_>, &Schema, &[Quantity]) -> Result<Box<dyn Network>>;

/// Names of the kinds, former ones too, and what builds them.
const KINDS: &[(&[&str], Build)] = &[
    (&["learned-roofline", "tachograph"], learned_roofline::build),
    (&["nnlp"], nnlp::build),
    (&["operator-sum", "additive"], operator_sum::build),
];

/// Graphs of a batch: what stays in the caches of a core.
const CHUNK: usize = 16;

/// The networks of a checkpoint: one, or the members of an ensemble.
pub(crate) struct Plain {
    members: Vec<Box<dyn Network>>,
}

impl Plain {
    /// `None` where the kind runs on libtorch alone.
    ///
    /// # Errors
    /// A weight is missing or of another shape.
    pub fn new(checkpoint: &Checkpoint) -> Option<Result<Self>> {
        let Checkpoint { manifest, weights } = checkpoint;
        let (_, build) = KINDS.iter().find(|(names, _)| names.contains(&manifest.model.kind.as_str()))?;
        let quantities: Vec<Quantity> = manifest.outputs.iter().map(|output| output.quantity).collect();
        let member = |m: usize| {
            let weights = Weights { all: weights, prefix: prefix(m), spec: &manifest.model };
            build(&weights, manifest.featurizer.schema(), &quantities)
        };
        let members = (0..manifest.members.max(1)).map(member).collect::<Result<_>>();
        Some(members.map(|members| Self { members }))
    }

    fn layers(&self) -> usize {
        self.members.first().map_or(0, |network| network.layers())
    }

    /// What the networks put out, their mean: the graphs of each output.
    ///
    /// # Errors
    /// Features of another schema.
    pub fn outputs(&self, graphs: &[&FeatureGraph], outputs: &[usize]) -> Result<Vec<Vec<f64>>> {
        let chunk = |graphs: &[&FeatureGraph]| -> Result<Array2<f64>> {
            let batch = Batch::new(graphs, self.layers(), true)?;
            let sum = self.members.iter().map(|network| network.forward(&batch, outputs).mapv(f64::from));
            let sum = sum.reduce(|a, b| a + b).unwrap_or_else(|| Array2::zeros((graphs.len(), outputs.len())));
            Ok(sum / self.members.len() as f64)
        };
        let chunks: Vec<Array2<f64>> = match graphs.len() {
            // Starting threads takes longer than one batch.
            0..=CHUNK => graphs.chunks(CHUNK).map(chunk).collect::<Result<_>>()?,
            _ => graphs.par_chunks(CHUNK).map(chunk).collect::<Result<_>>()?,
        };
        let column = |o: usize| chunks.iter().flat_map(|chunk| chunk.column(o).to_vec()).collect();
        Ok((0..outputs.len()).map(column).collect())
    }

    /// The mean of what the networks put out for each operator; see [`Network::operators`].
    ///
    /// # Errors
    /// Features of another schema.
    pub fn operators(&self, graph: &FeatureGraph, output: usize) -> Result<Option<Vec<f64>>> {
        let batch = Batch::new(&[graph], self.layers(), false)?;
        let mut mean = vec![0.0; graph.nodes.nrows()];
        for network in &self.members {
            let Some(times) = network.operators(&batch, output) else { return Ok(None) };
            mean.iter_mut().zip(times).for_each(|(sum, time)| *sum += f64::from(time) / self.members.len() as f64);
        }
        Ok(Some(mean))
    }

    /// What the heads read of each graph, members side by side: (graphs, width).
    ///
    /// # Errors
    /// Features of another schema; no graphs.
    pub fn embed(&self, graphs: &[&FeatureGraph]) -> Result<Array2<f64>> {
        let batch = Batch::new(graphs, self.layers(), true)?;
        let parts: Vec<Array2<f32>> = self.members.iter().map(|network| network.embed(&batch)).collect();
        let mut all = Array2::zeros((graphs.len(), parts.iter().map(Array2::ncols).sum()));
        let mut first = 0;
        for part in parts {
            all.slice_mut(s![.., first..first + part.ncols()]).assign(&part.mapv(f64::from));
            first += part.ncols();
        }
        Ok(all)
    }
}

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plain({} networks)", self.members.len())
    }
}

/// The position of a column that a network reads by name.
fn column(columns: &[String], name: &str) -> Result<usize> {
    let missing = || Error::Weight { name: name.into(), message: "the features have no column of this name".into() };
    columns.iter().position(|column| column == name).ok_or_else(missing)
}
