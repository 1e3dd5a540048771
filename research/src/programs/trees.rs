//! Boosted trees on feature sets of programs.

use std::ops::Range;

use anyhow::Result;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tachograph_features::FeatureGraph;
use tachograph_tune::models::{Boosting, BoostingOptions, Objective, Packed};

use super::{
    data::{Data, Task},
    fold::Fold,
    rows::Settings,
    score::Answer,
};

/// How the rows of a program become what trees read.
#[derive(Clone, Copy)]
pub enum Form {
    /// The score of a program is the sum over its rows.
    Packs,
    /// The sum of each column over the rows, then its largest: one row.
    One,
}

/// What is learned.
#[derive(Clone, Copy)]
pub enum Learned {
    /// `min ms / ms`, by squares.
    Speed,
    /// The order within tasks.
    Order,
    /// ln(ms / roofline), by squares.
    Time,
    /// ln(ms / what [`code_ms`] says), by squares.
    OverCode,
}

/// The formula of the feature set `code`, for each program of a task.
pub fn code_ms(task: &Task) -> impl Iterator<Item = f64> {
    // Steps of a core of 3 GHz: only the order of magnitude is of interest.
    task.set("code").iter().map(|set| set.nodes.iter().last().map_or(1.0, |&ln| f64::from(ln).exp() / 3e6))
}

/// What a task's times are learned over.
pub fn bases(task: &Task, learned: Learned) -> Vec<f64> {
    match learned {
        Learned::OverCode => code_ms(task).collect(),
        _ => vec![task.head.roofline_ms(); task.ms.len()],
    }
}

/// AutoTVM's (depth 3, η 0.3, γ 1e-4, min_child_weight 1); as many trees as TenSet.
pub const AUTOTVM: BoostingOptions =
    BoostingOptions { depth: 3, learning_rate: 0.3, gamma: 1e-4, min_leaf_weight: 1.0, ..BoostingOptions::TENSET };

/// Trees on one feature set.
pub fn run(
    (data, fold, settings): (&Data, &Fold, &Settings),
    set: &str,
    form: Form,
    learned: Learned,
    options: &BoostingOptions,
) -> Result<Answer> {
    let pack = |tasks: &[usize]| pack(form, tasks.iter().map(|&i| data.tasks[i].set(set)));
    let training: Vec<usize> = [fold.training.as_slice(), &fold.validation].concat();
    // No rounds are chosen, so what validates is learned from too, unless it is what is tested.
    let training = if fold.test == fold.validation { fold.training.clone() } else { training };
    let model = fit(data, &training, &pack(&training), learned, &[], options, settings.seed)?;
    let scores = model.predict(&pack(&fold.test))?;
    Ok(answer(data, fold, scores, learned, options.trees as u32))
}

/// Grows trees on the programs of tasks, in their order.
pub fn fit(
    data: &Data,
    tasks: &[usize],
    packed: &Packed,
    learned: Learned,
    weights: &[f64],
    options: &BoostingOptions,
    seed: u64,
) -> Result<Boosting> {
    let of = |&i: &usize| match learned {
        Learned::Speed | Learned::Order => data.tasks[i].relative_speeds(),
        Learned::Time | Learned::OverCode => {
            let task = &data.tasks[i];
            task.ms.iter().zip(bases(task, learned)).map(|(ms, base)| (ms / base).ln()).collect()
        }
    };
    let targets: Vec<f64> = tasks.iter().flat_map(of).collect();
    let lists = lists(data, tasks);
    let objective = match learned {
        Learned::Order => Objective::Lambda { relevance: &targets, lists: &lists },
        Learned::Speed | Learned::Time | Learned::OverCode => Objective::Squared { targets: &targets, weights },
    };
    Ok(Boosting::fit(packed, &objective, options, &mut ChaCha8Rng::seed_from_u64(seed))?)
}

/// What scores of the tested programs say.
pub fn answer(data: &Data, fold: &Fold, scores: Vec<f64>, learned: Learned, rounds: u32) -> Answer {
    let by_task = lists(data, &fold.test).into_iter().zip(&fold.test).map(|(list, &i)| (&scores[list], i));
    match learned {
        Learned::Speed | Learned::Order => {
            Answer::of_order(by_task.map(|(scores, _)| scores.iter().map(|s| -s).collect()).collect(), rounds)
        }
        Learned::Time | Learned::OverCode => {
            let ms = |(scores, i): (&[f64], usize)| {
                let bases = bases(&data.tasks[i], learned);
                scores.iter().zip(bases).map(|(score, base)| base * score.exp()).collect()
            };
            Answer::of_times(by_task.map(ms).collect(), rounds)
        }
    }
}

/// Where the programs of each task are, when all stand one after the other.
fn lists(data: &Data, tasks: &[usize]) -> Vec<Range<usize>> {
    let mut at = 0;
    let list = |&i: &usize| {
        let from = at;
        at += data.tasks[i].ms.len();
        from..at
    };
    tasks.iter().map(list).collect()
}

/// Rows of programs as trees read them.
pub fn pack<'a>(form: Form, tasks: impl Iterator<Item = &'a [FeatureGraph]>) -> Packed {
    let mut packed = Packed::default();
    for program in tasks.flatten() {
        if packed.starts.is_empty() {
            packed = Packed::new(match form {
                Form::Packs => program.nodes.ncols(),
                Form::One => 2 * program.nodes.ncols(),
            });
        }
        match form {
            Form::Packs => packed.push(program.nodes.iter().copied()),
            Form::One => packed.push(one(program)),
        }
    }
    packed
}

/// The sum of each column, then its largest.
pub fn one(program: &FeatureGraph) -> Vec<f32> {
    let columns = program.nodes.columns();
    let sums = columns.into_iter().map(|column| column.sum());
    let largest = program.nodes.columns().into_iter().map(|column| column.fold(f32::MIN, |a, &b| a.max(b)));
    sums.chain(largest.map(|x| if x == f32::MIN { 0.0 } else { x })).collect()
}
