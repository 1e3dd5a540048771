//! Networks on libtorch, by recipe.

use anyhow::{Context, Result};
use tachograph_train::{BEST, ProgramScorer, ProgramTask, torch_device, train_programs};

use super::{data::Data, fold::Fold, rows::Settings, score::Answer};
use crate::recipe::{changed, within};

/// Trains what a recipe says, with some of its settings changed, and asks it about the programs that are tested.
pub fn run((data, fold, settings): (&Data, &Fold, &Settings), set: &str, recipe: &str, change: &str) -> Result<Answer> {
    let mut config = changed(recipe, &[change])?;
    (config.seed, config.epochs, config.threads) = (settings.seed, settings.epochs, settings.threads as i32);
    let tasks = |tasks: &[usize]| -> Vec<ProgramTask> { tasks.iter().map(|&i| task(data, i, set)).collect() };
    let (training, validation) = (tasks(&fold.training), tasks(&fold.validation));
    let outcome = within(&config, settings.until, |config, watch| {
        train_programs(config, config.features, [&training, &validation], &settings.dir, watch)
    })?;
    let scorer = ProgramScorer::load(&settings.dir.join(BEST), torch_device("cpu")?)?;
    let score = |&i: &usize| {
        let task = task(data, i, set);
        scorer.score(&task.programs, &task.formula_ms, 0).with_context(|| task.name.clone())
    };
    let answers = fold.test.iter().map(score).collect::<Result<Vec<_>>>()?;
    Ok(match scorer.gives_times() {
        true => Answer::of_times(answers, outcome.epochs),
        false => Answer::of_order(answers, outcome.epochs),
    })
}

/// A task as a training reads it.
pub fn task(data: &Data, i: usize, set: &str) -> ProgramTask {
    let task = &data.tasks[i];
    ProgramTask {
        name: task.name.clone(),
        programs: task.set(set).to_vec(),
        ms: vec![task.ms.clone()],
        formula_ms: vec![task.head.roofline_ms(); task.ms.len()],
    }
}
