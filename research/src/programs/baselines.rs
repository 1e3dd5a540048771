//! What needs no learning.

use anyhow::Result;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    data::{Data, Task},
    fold::Fold,
    rows::Settings,
    score::Answer,
    trees::code_ms,
};

/// Any order.
pub fn random(data: &Data, fold: &Fold, settings: &Settings) -> Result<Answer> {
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let task = |&i: &usize| data.tasks[i].ms.iter().map(|_| rng.random()).collect::<Vec<f64>>();
    Ok(Answer::of_order(fold.test.iter().map(task).collect(), 0))
}

/// Operations, at the rate of the programs that are learned from; all programs of a task alike.
pub fn flops(data: &Data, fold: &Fold, _: &Settings) -> Result<Answer> {
    Ok(alike(data, fold, |task| task.head.workload.flops() as f64))
}

/// The larger of operations and bytes at the rates of some core, by a factor of the programs that are learned from.
pub fn roofline(data: &Data, fold: &Fold, _: &Settings) -> Result<Answer> {
    Ok(alike(data, fold, |task| task.head.roofline_ms()))
}

/// The formula of the feature set `code`, by a factor of the programs that are learned from.
pub fn code(data: &Data, fold: &Fold, _: &Settings) -> Result<Answer> {
    let factors = |&i: &usize| {
        let task = &data.tasks[i];
        task.ms.iter().zip(code_ms(task)).map(|(ms, code)| ms / code).collect::<Vec<f64>>()
    };
    let factors: Vec<f64> = fold.training.iter().flat_map(factors).collect();
    let factor = tachograph_metrics::median(&factors).unwrap_or(1.0);
    let ms = fold.test.iter().map(|&i| code_ms(&data.tasks[i]).map(|ms| factor * ms).collect()).collect();
    Ok(Answer::of_times(ms, 0))
}

/// PolyDL's cost: bytes by the cache that they are placed in, at the latencies of a Xeon 8280; ties are left.
pub fn polydl(data: &Data, fold: &Fold, _: &Settings) -> Result<Answer> {
    let cost = |bytes: &[f32]| {
        bytes.iter().zip([4.0, 14.0, 60.0, 84.0]).map(|(&b, cycles)| f64::from(b) * cycles).sum::<f64>()
    };
    let of = |&i: &usize| {
        let programs = data.tasks[i].set("working-sets").iter();
        programs.map(|program| cost(&program.globals)).collect::<Vec<f64>>()
    };
    Ok(Answer::of_order(fold.test.iter().map(of).collect(), 0))
}

/// A multiple of what a workload has, by the median of the programs of all tasks.
fn alike(data: &Data, fold: &Fold, amount: impl Fn(&Task) -> f64) -> Answer {
    let factors = |&i: &usize| {
        let task = &data.tasks[i];
        let amount = amount(task);
        task.ms.iter().map(move |ms| ms / amount).collect::<Vec<f64>>()
    };
    let factors: Vec<f64> = fold.training.iter().flat_map(factors).collect();
    let factor = tachograph_metrics::median(&factors).unwrap_or(1.0);
    let task = |&i: &usize| vec![factor * amount(&data.tasks[i]); data.tasks[i].ms.len()];
    Answer { slowness: None, ms: Some(fold.test.iter().map(task).collect()), rounds: 0 }
}
