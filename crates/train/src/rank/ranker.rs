//! A checkpoint that ranks configurations.

use std::path::Path;

use tachograph_datasets::sets::Archive;
use tachograph_gnn::GraphBatch;
use tachograph_models::Ranking;
use tch::Device;

use super::{graph::XlaGraph, set};
use crate::{
    Error, Manifest, Result, TorchPredictor,
    error::{file, torch},
};

/// Rows that a pass over configurations may have: what stays well below a gigabyte at any width here.
const ROWS: usize = 1 << 17;

/// Configurations in a pass, at most. Networks that compare configurations within their layers compare so many.
const CHUNK: usize = 128;

/// A device of libtorch by name: `cpu`, `cuda` or `cuda:N`.
///
/// # Errors
/// A device that is not there.
pub fn torch_device(name: &str) -> Result<Device> {
    Ok(tachograph_gnn::device(name)?)
}

/// A checkpoint of a network that ranks configurations.
#[derive(Debug)]
pub struct Ranker {
    predictor: TorchPredictor,
    ranking: Ranking,
}

/// The configurations of an archive, scored.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// A score for each configuration: larger where it is expected to take longer. Scores of one graph compare; they
    /// have no unit.
    pub scores: Vec<f64>,
    /// What was measured of each: ns, or for tiles multiples of the default's time. `None` where the archive has no
    /// usable times, as those of a test set.
    pub times: Option<Vec<f64>>,
}

impl Scored {
    /// Configurations, best first; of equal score, the first first.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.scores.len()).collect();
        order.sort_by(|&a, &b| self.scores[a].total_cmp(&self.scores[b]));
        order
    }
}

impl Ranker {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// As [`TorchPredictor::load`]; a checkpoint of a network that predicts amounts and ranks nothing.
    pub fn load(path: &Path, device: Device) -> Result<Self> {
        let predictor = TorchPredictor::load(path, device)?;
        let kind = predictor.config().kind();
        let ranking = predictor.config().ranking();
        let ranking =
            ranking.ok_or_else(|| file(path, format!("`{kind}` predicts amounts and ranks no configurations")))?;
        Ok(Self { predictor, ranking })
    }

    /// What the checkpoint says of itself.
    pub fn manifest(&self) -> &Manifest {
        self.predictor.manifest()
    }

    /// Scores every configuration of an archive. Configurations are read and scored in parts.
    ///
    /// # Errors
    /// An archive that cannot be read, with other columns than the checkpoint was trained on, or with configurations of
    /// another kind.
    pub fn score(&self, path: &Path) -> Result<Scored> {
        // Where the file is without compression, or small, no more of it is read at once than a part.
        const ROOM: usize = 256 << 20;
        let mut archive = Archive::open(path)?;
        let graph = XlaGraph::new(path, &self.manifest().featurizer, &self.ranking, ROOM)?;
        let all: Vec<usize> = (0..archive.configurations()).collect();
        let scores = scores(&self.predictor, &self.ranking, &graph, &all)?;
        Ok(Scored { scores, times: set::times(&mut archive, path).ok() })
    }
}

/// Scores of some configurations of a graph, in parts; of a graph in segments, the sums over these.
pub(crate) fn scores(
    predictor: &TorchPredictor,
    ranking: &Ranking,
    graph: &XlaGraph,
    wanted: &[usize],
) -> Result<Vec<f64>> {
    let _guard = tch::no_grad_guard();
    let featurizer = &predictor.manifest().featurizer;
    let options = predictor.config().batch_options(false);
    let device = predictor.store().device();
    let mut all = Vec::with_capacity(wanted.len());
    for part in wanted.chunks((ROWS / graph.nodes().max(1)).clamp(1, CHUNK)) {
        let configurations = graph.configurations(part, featurizer)?;
        let mut sums = vec![0.0; part.len()];
        for piece in 0..graph.pieces.len() {
            let of_piece = graph.of_piece(piece, &configurations);
            let view = graph.view(piece, &of_piece, part.len(), &[]);
            let view = view.ok_or_else(|| Error::Lists { message: format!("no segment {piece}") })?;
            let batch = GraphBatch::configured(&[view], ranking.join, &options, device)?;
            let values = predictor.outputs(&batch, &[0], false)?;
            let values = values.f_reshape([-1]).and_then(|v| v.f_to_device(Device::Cpu)).map_err(torch("scores"))?;
            let values = Vec::<f32>::try_from(values).map_err(torch("scores"))?;
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(value));
        }
        all.extend(sums);
    }
    match all.iter().position(|score| !score.is_finite()) {
        Some(place) => Err(Error::Lists { message: format!("the score of configuration {place} is not finite") }),
        None => Ok(all),
    }
}
