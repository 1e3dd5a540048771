//! How many programs a model scores in a second, whose features are there.

use std::time::Instant;

use anyhow::{Result, bail};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tachograph_features::{FeatureGraph, FeatureSet};
use tachograph_models::{GtunerConfig, ModelConfig, TensetMlpConfig, TlpConfig};
use tachograph_train::{ProgramScorer, ProgramTask, torch_device};
use tachograph_tune::models::{Boosting, BoostingOptions, Objective, Packed};

use super::{
    data::Data,
    trees::{Form, pack},
};

const PROGRAMS: usize = 4096;
/// The least of so many passes counts.
const PASSES: usize = 5;

/// Prints milliseconds for 4,096 of the programs, features in hand; and what features take.
pub fn print(data: &mut Data, threads: usize) -> Result<()> {
    let start = Instant::now();
    data.need(&["ansor", "primitives", "nest-graph"])?;
    let each = start.elapsed().as_secs_f64() * 1e6 / data.programs() as f64;
    println!("{each:.0} µs a program for lowering and three feature sets (one thread)");
    let of = |set: &str| -> Vec<FeatureGraph> {
        let all: Vec<&FeatureGraph> = data.tasks.iter().flat_map(|task| task.set(set)).collect();
        // In any order, as a search has them of one task: not sorted by size.
        (0..PROGRAMS).filter_map(|i| all.get(i * 7919 % all.len())).map(|&program| program.clone()).collect()
    };
    let networks: [(&str, FeatureSet, ModelConfig); 3] = [
        ("nest-graph", FeatureSet::PROGRAM_GRAPH, GtunerConfig::default().into()),
        ("ansor", FeatureSet::PROGRAM_STORES, TensetMlpConfig::default().into()),
        ("primitives", FeatureSet::PROGRAM_STEPS, TlpConfig::default().into()),
    ];
    tch::set_num_threads(threads as i32);
    for (set, features, config) in networks {
        let programs = of(set);
        let task = ProgramTask { programs: programs.clone(), ..ProgramTask::default() };
        let scorer = ProgramScorer::untrained(&config, features, &[task], torch_device("cpu")?)?;
        let formula = vec![1.0; programs.len()];
        report(config.kind(), threads, || {
            let start = Instant::now();
            scorer.score(&programs, &formula, 0)?;
            Ok(start.elapsed().as_secs_f64())
        })?;
    }
    let speeds: Vec<f64> = data.tasks.iter().flat_map(|task| task.relative_speeds()).collect();
    for (name, form) in [("trees, pack-sum", Form::Packs), ("trees, one row", Form::One)] {
        let known = pack(form, data.tasks.iter().map(|task| task.set("ansor")));
        let objective = Objective::Squared { targets: &speeds, weights: &[] };
        let model = Boosting::fit(&known, &objective, &BoostingOptions::TENSET, &mut ChaCha8Rng::seed_from_u64(0))?;
        let programs = of("ansor");
        let parts: Vec<Packed> =
            programs.chunks(PROGRAMS.div_ceil(threads)).map(|part| pack(form, std::iter::once(part))).collect();
        report(name, threads, || {
            let start = Instant::now();
            let scored: usize = std::thread::scope(|scope| {
                let model = &model;
                let work: Vec<_> = parts.iter().map(|part| scope.spawn(move || model.predict(part))).collect();
                work.into_iter().filter_map(|work| work.join().ok()?.ok()).map(|scores| scores.len()).sum()
            });
            if scored != programs.len() {
                bail!("{scored} of {} were scored", programs.len());
            }
            Ok(start.elapsed().as_secs_f64())
        })?;
    }
    Ok(())
}

/// The least of some passes.
fn report(name: &str, threads: usize, mut pass: impl FnMut() -> Result<f64>) -> Result<()> {
    let mut least = f64::INFINITY;
    for _ in 0..PASSES {
        least = least.min(pass()?);
    }
    println!("{name:18} {:7.1} ms for {PROGRAMS} programs, {threads} threads", 1e3 * least);
    Ok(())
}
