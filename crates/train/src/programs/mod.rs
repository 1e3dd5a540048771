//! Cost models of tensor programs: the third task of the engine.
//!
//! A network that reads programs is one that predicts amounts, and so is its checkpoint; what differs is where rows come
//! from (features of programs, and no graph of this workspace), what is learned (relative speed or a correction of a
//! formula), and what chooses the weights (the order of the programs of each task). Division into training and validation is
//! the caller's: it knows which tasks are of one network.

mod learn;
mod scorer;
mod task;

use std::path::Path;

use ndarray::{ArrayView2, ArrayViewMut1, Axis};
use serde::{Deserialize, Serialize};
use tachograph_features::{FeatureGraph, FeatureSet, Featurizer};
use tachograph_ir::Quantity;
use tachograph_models::ModelConfig;
use tachograph_predict::NetworkSpec;

pub use learn::Learning;
pub use scorer::ProgramScorer;

use self::task::Programs;
use crate::{
    BEST, Example, FORMAT, Manifest, Observer, Output, RankingReport, Result, RunConfig, TorchPredictor, Training,
    engine,
    error::{Error, setting},
};

/// The measured programs of a task.
#[derive(Clone, Debug, Default)]
pub struct ProgramTask {
    /// Its name.
    pub name: String,
    /// Rows of each program as a feature set made them; nothing is scaled yet.
    pub programs: Vec<FeatureGraph>,
    /// Milliseconds of each program, on each platform: positive, or not a number where it was not measured.
    pub ms: Vec<Vec<f64>>,
    /// What a formula says of each program, in milliseconds; where a time is learned, it is learned as a factor to this.
    pub formula_ms: Vec<f64>,
}

/// What a run on programs achieved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProgramOutcome {
    /// Epoch of the chosen weights.
    pub epoch: u32,
    /// Epochs that were run.
    pub epochs: u32,
    /// The orders of the tasks that validate, on the first platform.
    pub validation: RankingReport,
}

/// Trains a network on the programs of `training` as `config` says, in the run directory `dir`, and chooses weights by the
/// order of the programs of each task of `validation` on the first platform. As [`train`](crate::train) otherwise.
///
/// With a loss that ranks, the network learns `min ms / ms` of each program within its task, and puts out a score that is
/// larger for faster ones; ranking losses rank the batch, or with `runs` in the config so many programs of each task. With any
/// other loss it learns ln(ms / formula). Each platform is an output.
///
/// # Errors
/// As [`train`](crate::train); tasks without programs, or whose lists have different lengths; a network that ranks
/// configurations.
pub fn train_programs(
    config: &RunConfig,
    set: FeatureSet,
    [training, validation]: [&[ProgramTask]; 2],
    dir: &Path,
    observer: &mut dyn Observer,
) -> Result<ProgramOutcome> {
    config.check()?;
    if config.model.ranking().is_some() {
        let kind = config.model.kind();
        return Err(setting("model", format!("`{kind}` ranks configurations, and reads no programs")));
    }
    if !config.metric.is_of_order() {
        return Err(setting("metric", "is of amounts; an order has opa, kendall, spearman, top-1, top-5, top-10"));
    }
    engine::together(config, dir, |group, device| {
        let featurizer = fit(set, training)?;
        let examples = training.iter().map(|task| examples(task, config.loss.ranks(), &featurizer));
        let examples: Vec<Example> = examples.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        let platforms = training.first().map_or(0, |task| task.ms.len());
        let times = || training.iter().flat_map(|task| task.ms.iter().flatten()).copied().filter(|ms| ms.is_finite());
        let training = Training {
            data: config.data.display().to_string(),
            fingerprint: format!("{} tasks, {} programs", training.len(), examples.len()),
            networks: examples.len(),
            split: "by the caller".into(),
            seed: config.seed,
            epoch: 0,
            validation_mape: None,
            range_ms: times().fold((f64::MAX, 0.0), |(low, high), ms| (low.min(ms), high.max(ms))),
        };
        let manifest = manifest(&config.model, config.loss.ranks(), platforms, featurizer, training)?;
        let scaled = |task: &ProgramTask| {
            let programs = task.programs.iter().map(|program| scale(program, &manifest.featurizer));
            Ok(ProgramTask { programs: programs.collect::<Result<_>>()?, ..task.clone() })
        };
        let validation = validation.iter().map(scaled).collect::<Result<Vec<_>>>()?;
        let task = Programs { config, training: examples, validation, manifest, device, group };
        let epochs = engine::run(config, dir, device, group, &task, observer)?;
        let best = TorchPredictor::load(&dir.join(BEST), device)?;
        Ok(ProgramOutcome {
            epoch: best.manifest().training.epoch,
            epochs: epochs.last().map_or(0, |epoch| epoch.epoch),
            validation: task.evaluate(&best)?,
        })
    })
}

/// Of a checkpoint to be.
fn manifest(
    model: &ModelConfig,
    ranks: bool,
    platforms: usize,
    featurizer: Featurizer,
    training: Training,
) -> Result<Manifest> {
    Ok(Manifest {
        format: FORMAT,
        library: env!("CARGO_PKG_VERSION").into(),
        model: NetworkSpec::of(model).map_err(|e| setting("model", e.to_string()))?,
        members: 1,
        featurizer,
        training,
        outputs: (0..platforms).map(|p| Output::new(scorer::title(ranks, p), Quantity::Latency)).collect(),
    })
}

/// Scales of the columns of all programs.
fn fit(set: FeatureSet, tasks: &[ProgramTask]) -> Result<Featurizer> {
    let programs = || tasks.iter().flat_map(|task| &task.programs);
    let nothing = || Error::NothingMeasured { what: "tensor programs".into() };
    let nodes: Vec<ArrayView2<'_, f32>> = programs().map(|program| program.nodes.view()).collect();
    nodes.first().ok_or_else(nothing)?;
    let row =
        |program: &FeatureGraph| ndarray::Array2::from_shape_vec((1, program.globals.len()), program.globals.clone());
    let globals = programs().map(row).collect::<std::result::Result<Vec<_>, _>>().map_err(|_| nothing())?;
    let globals: Vec<ArrayView2<'_, f32>> = globals.iter().map(|row| row.view()).collect();
    Ok(Featurizer::fit_archives(set, &nodes, &globals, true)?)
}

/// A program with its columns scaled.
fn scale(program: &FeatureGraph, featurizer: &Featurizer) -> Result<FeatureGraph> {
    let mut scaled = program.clone();
    scaled.nodes.axis_iter_mut(Axis(0)).try_for_each(|row| featurizer.scale_node(row))?;
    featurizer.scale_configuration(ArrayViewMut1::from(scaled.globals.as_mut_slice()))?;
    Ok(scaled)
}

/// The programs of a task, with what is learned of them.
fn examples(task: &ProgramTask, ranks: bool, featurizer: &Featurizer) -> Result<Vec<Example>> {
    let n = task.programs.len();
    if task.formula_ms.len() != n || task.ms.iter().any(|ms| ms.len() != n) {
        return Err(Error::NothingMeasured { what: format!("task {}, some of its {n} programs", task.name) });
    }
    let least: Vec<f64> = task.ms.iter().map(|ms| ms.iter().copied().fold(f64::NAN, f64::min)).collect();
    let target = |i: usize| {
        let of = |(ms, least): (&Vec<f64>, &f64)| if ranks { least / ms[i] } else { (ms[i] / task.formula_ms[i]).ln() };
        task.ms.iter().zip(&least).map(of).collect()
    };
    let example = |(i, program): (usize, &FeatureGraph)| {
        let features = scale(program, featurizer)?;
        Ok(Example { name: task.name.clone(), family: task.name.clone(), batch: 1, features, targets: target(i) })
    };
    task.programs.iter().enumerate().map(example).collect()
}
