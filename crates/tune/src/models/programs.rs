//! Measured programs, as networks are trained on them.

use std::path::Path;

use ndarray::{Array2, ShapeError};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use tachograph_features::{FeatureGraph, FeatureSet};
use tachograph_program::features::{self, Features, Program};
use tachograph_train::ProgramTask;

use crate::{Collected, Error, Result};

/// Tasks with fewer programs that ran say nothing of an order.
const LEAST: usize = 8;
/// One task in so many validates.
const VALIDATE: usize = 5;
/// What the sets of features of programs begin with.
const PREFIX: &str = "program-";

/// The name of a set among features of programs ([`features::ALL`]); `None` if it is of something else.
pub fn features_of_programs(set: FeatureSet) -> Option<&'static str> {
    set.name().strip_prefix(PREFIX)
}

/// The set of features of programs of this name, as networks read it.
pub(super) fn set(features: &str) -> Result<FeatureSet> {
    let unknown = |error: tachograph_features::Error| Error::Model { model: "network", message: error.to_string() };
    FeatureSet::named(&format!("{PREFIX}{features}")).map_err(unknown)
}

/// The tasks of a folder of [`Collected`] files, read as a set of features of programs. Programs that failed are left out, and
/// tasks of which fewer than eight ran.
///
/// # Errors
/// A folder or a file that cannot be read; a set of other features; a program that does not lower.
pub fn program_tasks(folder: &Path, set: FeatureSet) -> Result<Vec<ProgramTask>> {
    let unknown = || Error::Unknown { what: "feature set of programs", name: set.name().into(), known: names() };
    let extractor = features_of_programs(set).and_then(features::named).ok_or_else(unknown)?;
    let mut tasks = Vec::new();
    for (name, Collected { head, programs }) in Collected::folder(folder)? {
        let mut task = ProgramTask { name, ms: vec![Vec::new()], ..ProgramTask::default() };
        for program in programs {
            let Ok(timed) = program.outcome else { continue };
            let schedule = head.space.schedule(&program.point)?;
            let lowered = Program::new(&head.workload, &schedule)?.at(&head.space, &program.point);
            let read = extractor.extract(&lowered)?;
            let refuse = |error: ShapeError| Error::Model { model: extractor.name(), message: error.to_string() };
            task.programs.push(graph(&read).map_err(refuse)?);
            task.ms[0].push(timed.ms);
            task.formula_ms.push(head.roofline_ms());
        }
        if task.programs.len() >= LEAST {
            tasks.push(task);
        }
    }
    Ok(tasks)
}

fn names() -> String {
    features::ALL.iter().map(|set| format!("{PREFIX}{}", set.name())).collect::<Vec<_>>().join(", ")
}

/// Tasks to learn from, and a fifth of them, by the seed, to choose weights by.
pub fn divide(mut tasks: Vec<ProgramTask>, seed: u64) -> [Vec<ProgramTask>; 2] {
    tasks.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let validation = tasks.split_off(tasks.len() - tasks.len() / VALIDATE);
    [tasks, validation]
}

/// Features of a program as networks read them.
///
/// # Errors
/// Rows of different lengths.
pub fn graph(features: &Features) -> Result<FeatureGraph, ShapeError> {
    let numbers = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<f32>>();
    let mut edges: Vec<(u32, u32)> = features.edges.iter().map(|&[from, to]| (from, to)).collect();
    edges.sort_unstable_by_key(|&(from, to)| (to, from));
    edges.dedup();
    Ok(FeatureGraph {
        nodes: Array2::from_shape_vec((features.len(), features.width), numbers(&features.values))?,
        edges,
        globals: numbers(&features.program),
        ..FeatureGraph::default()
    })
}
