//! How good a model is.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tachograph_metrics as metrics;

use super::{data::Data, fold::Fold};

/// What a model says of the programs of the tasks that are tested, in their order.
pub struct Answer {
    /// For each task and program what grows with its time; `None` where the model knows no order within a task.
    pub slowness: Option<Vec<Vec<f64>>>,
    /// For each task and program its milliseconds; `None` where the model gives an order alone.
    pub ms: Option<Vec<Vec<f64>>>,
    /// Epochs or trees that it took.
    pub rounds: u32,
}

impl Answer {
    /// Of a model that gives times.
    pub fn of_times(ms: Vec<Vec<f64>>, rounds: u32) -> Self {
        Self { slowness: Some(ms.clone()), ms: Some(ms), rounds }
    }

    /// Of a model that gives an order.
    pub fn of_order(slowness: Vec<Vec<f64>>, rounds: u32) -> Self {
        Self { slowness: Some(slowness), ms: None, rounds }
    }
}

/// The numbers of a row of the table, for a seed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Scores {
    pub tasks: usize,
    pub programs: usize,
    /// Best time over the best of the first, the first five, of a task; mean over tasks.
    pub top_1: Option<f64>,
    pub top_5: Option<f64>,
    /// TenSet's: the sum of the best times of all tasks over the sum of those found.
    pub sum_1: Option<f64>,
    pub sum_5: Option<f64>,
    /// Pairs of a task in the right order; mean over tasks.
    pub pairs: Option<f64>,
    /// Mean absolute percentage error of times, over all programs; then of those within twice the best of their task.
    pub mape: Option<f64>,
    pub mape_fast: Option<f64>,
    pub rounds: u32,
}

impl Scores {
    pub fn new(data: &Data, fold: &Fold, answer: &Answer) -> Result<Self> {
        let times: Vec<&[f64]> = fold.test.iter().map(|&i| data.tasks[i].ms.as_slice()).collect();
        let mut found = Self {
            tasks: times.len(),
            programs: times.iter().map(|ms| ms.len()).sum(),
            rounds: answer.rounds,
            ..Self::default()
        };
        if let Some(slowness) = &answer.slowness {
            ensure!(slowness.len() == times.len(), "{} answers for {} tasks", slowness.len(), times.len());
            let scores: Vec<Vec<f64>> = slowness.iter().map(|task| task.iter().map(|s| -s).collect()).collect();
            let tasks: Vec<metrics::Task<'_>> =
                scores.iter().zip(&times).map(|(scores, ms)| metrics::Task::new(1.0, scores, *ms)).collect();
            let each = |k: usize| {
                let of = |task: &metrics::Task<'_>| metrics::top_k_score(std::slice::from_ref(task), k);
                let all = tasks.iter().map(of).collect::<Result<Vec<f64>, _>>()?;
                anyhow::Ok(all.iter().sum::<f64>() / all.len() as f64)
            };
            let pairs = slowness.iter().zip(&times).filter_map(|(s, ms)| metrics::ordered_pair_accuracy(s, *ms).ok());
            let pairs: Vec<f64> = pairs.collect();
            (found.top_1, found.top_5) = (Some(each(1)?), Some(each(5)?));
            (found.sum_1, found.sum_5) =
                (Some(metrics::top_k_score(&tasks, 1)?), Some(metrics::top_k_score(&tasks, 5)?));
            found.pairs = Some(pairs.iter().sum::<f64>() / pairs.len() as f64);
        }
        if let Some(ms) = &answer.ms {
            let error = |limit: f64| {
                let (mut predicted, mut measured) = (Vec::new(), Vec::new());
                for (ms, times) in ms.iter().zip(&times) {
                    let best = times.iter().copied().fold(f64::INFINITY, f64::min);
                    for (&p, &t) in ms.iter().zip(*times).filter(|(_, t)| **t <= limit * best) {
                        predicted.push(p);
                        measured.push(t);
                    }
                }
                metrics::mape(&predicted, &measured)
            };
            (found.mape, found.mape_fast) = (Some(error(f64::INFINITY)?), Some(error(2.0)?));
        }
        Ok(found)
    }
}
