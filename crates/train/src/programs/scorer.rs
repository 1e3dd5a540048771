//! A checkpoint that scores tensor programs.

use std::path::Path;

use tachograph_features::{FeatureGraph, FeatureSet};
use tachograph_gnn::{BatchOptions, GraphBatch};
use tachograph_models::ModelConfig;
use tch::{Device, Tensor};

use super::{ProgramTask, fit, manifest, scale};
use crate::{
    Manifest, Result, TorchPredictor, Training, collate,
    error::{file, torch},
    loader::with_batches,
};

/// Programs in a pass.
const CHUNK: usize = 256;

/// What an output is called.
pub(super) fn title(ranks: bool, platform: usize) -> String {
    format!("{} of programs on platform {platform}", if ranks { SPEED } else { FACTOR })
}

const SPEED: &str = "relative speed";
const FACTOR: &str = "logarithm of the time over a formula's";

/// A checkpoint of [`train_programs`](crate::train_programs).
#[derive(Debug)]
pub struct ProgramScorer {
    pub(super) predictor: TorchPredictor,
    pub(super) ranks: bool,
}

impl ProgramScorer {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// As [`TorchPredictor::load`]; a checkpoint of something else.
    pub fn load(path: &Path, device: Device) -> Result<Self> {
        let predictor = TorchPredictor::load(path, device)?;
        let name = predictor.manifest().outputs.first().map(|output| output.name.as_str()).unwrap_or_default();
        let ranks = name.starts_with(SPEED);
        if !ranks && !name.starts_with(FACTOR) {
            return Err(file(path, "reads no tensor programs"));
        }
        Ok(Self { predictor, ranks })
    }

    /// With fresh weights, and scales of the columns of `tasks`: what a pass costs does not depend on what was learned.
    ///
    /// # Errors
    /// No programs; a network that cannot be built.
    pub fn untrained(model: &ModelConfig, set: FeatureSet, tasks: &[ProgramTask], device: Device) -> Result<Self> {
        let training = Training {
            data: String::new(),
            fingerprint: String::new(),
            networks: 0,
            split: String::new(),
            seed: 0,
            epoch: 0,
            validation_mape: None,
            range_ms: (0.0, 0.0),
        };
        let manifest = manifest(model, true, 1, fit(set, tasks)?, training)?;
        Ok(Self { predictor: TorchPredictor::untrained(manifest, device)?, ranks: true })
    }

    /// What the checkpoint says of itself.
    pub fn manifest(&self) -> &Manifest {
        self.predictor.manifest()
    }

    /// The settings of its network.
    pub fn model(&self) -> &ModelConfig {
        self.predictor.config()
    }

    /// The features that it reads.
    pub fn features(&self) -> FeatureSet {
        self.manifest().featurizer.schema().set
    }

    /// True where it gives milliseconds, false where it gives an order alone.
    pub fn gives_times(&self) -> bool {
        !self.ranks
    }

    /// Of each program, milliseconds on a platform, or where it gives an order alone a number that grows with them.
    /// `formula_ms` is what a formula says of each.
    ///
    /// # Errors
    /// Programs of other features; a platform that it was not trained on.
    pub fn score(&self, programs: &[FeatureGraph], formula_ms: &[f64], platform: usize) -> Result<Vec<f64>> {
        let featurizer = &self.manifest().featurizer;
        let parts: Vec<&[FeatureGraph]> = programs.chunks(CHUNK).collect();
        let scores = passes(&self.predictor, parts, platform, |part, make| {
            let scaled = part.iter().map(|program| scale(program, featurizer)).collect::<Result<Vec<_>>>()?;
            make(&scaled.iter().collect::<Vec<_>>())
        })?;
        Ok(slowness(&scores, self.ranks, formula_ms))
    }
}

/// What grows with the time, of what a network puts out.
pub(super) fn slowness(scores: &[f64], ranks: bool, formula_ms: &[f64]) -> Vec<f64> {
    let one = |(score, formula): (&f64, &f64)| if ranks { -score } else { formula * score.exp() };
    scores.iter().zip(formula_ms).map(one).collect()
}

/// What a network puts out for programs whose columns are scaled.
pub(super) fn outputs(predictor: &TorchPredictor, programs: &[&FeatureGraph], platform: usize) -> Result<Vec<f64>> {
    passes(predictor, programs.chunks(CHUNK).collect(), platform, |part: &[&FeatureGraph], make| make(part))
}

/// What a network puts out for all programs of parts, which become graphs on a thread beside the one that computes.
fn passes<P: Send>(
    predictor: &TorchPredictor,
    parts: Vec<P>,
    platform: usize,
    graphs: impl Fn(P, &dyn Fn(&[&FeatureGraph]) -> Result<GraphBatch>) -> Result<GraphBatch> + Send,
) -> Result<Vec<f64>> {
    let _guard = tch::no_grad_guard();
    let (device, options) = (predictor.store().device(), predictor.config().batch_options(false));
    // Finding equal nodes takes longer than to compute a few layers on them twice.
    let options = BatchOptions { compressed: options.compressed && options.layers == 0, ..options };
    let mut all = Vec::new();
    let make = move |part| graphs(part, &|programs| Ok(collate(programs, &options, device)?));
    with_batches(parts, make, |batch, _| {
        let values = predictor.outputs(&batch, &[platform], false)?;
        let values =
            values.f_reshape([-1]).and_then(|v: Tensor| v.f_to_device(Device::Cpu)).map_err(torch("scores"))?;
        all.extend(Vec::<f32>::try_from(values).map_err(torch("scores"))?.into_iter().map(f64::from));
        Ok(())
    })?;
    Ok(all)
}
