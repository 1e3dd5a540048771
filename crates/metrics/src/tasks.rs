//! Scores of a cost model over the tasks of a network, as TenSet defines them.

use ndarray::{Array1, ArrayView1};

use crate::{Error, Result, input::pair};

/// The measured programs of one task, and how the model scores them.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// How often the task occurs in the network.
    pub weight: f64,
    /// Predicted scores: larger is better.
    pub scores: ArrayView1<'a, f64>,
    /// Measured times, in any unit that is the same for all tasks.
    pub times: ArrayView1<'a, f64>,
}

impl<'a> Task<'a> {
    /// A task from anything that becomes an [`ArrayView1`].
    pub fn new(weight: f64, scores: impl Into<ArrayView1<'a, f64>>, times: impl Into<ArrayView1<'a, f64>>) -> Self {
        Self { weight, scores: scores.into(), times: times.into() }
    }

    /// Measured times in descending order of score. Equal scores: slowest first, so that a model gains nothing
    /// by not deciding.
    fn ranked(&self, metric: &'static str) -> Result<Vec<f64>> {
        let (scores, times) = pair(self.scores, self.times)?;
        let undefined = |reason| Err(Error::Undefined { metric, reason });
        if !(self.weight.is_finite() && self.weight >= 0.0) {
            return undefined("a task's weight is not a finite number from 0");
        }
        if times.iter().any(|&t| t <= 0.0) {
            return undefined("a measured time is not positive");
        }
        let mut order: Vec<(f64, f64)> = scores.iter().zip(times).map(|(&s, &t)| (s + 0.0, t)).collect();
        order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
        Ok(order.into_iter().map(|(_, time)| time).collect())
    }
}

/// TenSet's top-k score of a network, Σ w · t_best / Σ w · t_k: t_best is a task's least measured time, t_k the
/// least among the `k` programs of highest score. 1 is perfect.
///
/// # Errors
/// In any task: unequal lengths, no programs, values that are not finite; undefined where `k` is 0, a time is
/// not positive, a weight is negative or not finite, or all weights are 0 (or there are no tasks).
pub fn top_k_score(tasks: &[Task<'_>], k: usize) -> Result<f64> {
    const METRIC: &str = "the top-k score";
    let (mut best, mut found) = (0.0, 0.0);
    for task in tasks {
        let times = task.ranked(METRIC)?;
        best += task.weight * least(&times);
        found += task.weight * least(&times[..k.min(times.len())]);
    }
    weighted(METRIC, k, best, found)
}

/// TenSet's peak-score@k: of the first `k` programs in descending order of score, the running maximum of the
/// throughput relative to the task's best (t_best / t), averaged over the positions; over tasks, the mean by
/// weight. Tasks of fewer programs average over those they have. 1 is perfect.
///
/// # Errors
/// As [`top_k_score`].
pub fn peak_score(tasks: &[Task<'_>], k: usize) -> Result<f64> {
    const METRIC: &str = "the peak score";
    let (mut sum, mut weight) = (0.0, 0.0);
    for task in tasks {
        let times = task.ranked(METRIC)?;
        let best = least(&times);
        let running = times.iter().take(k).scan(f64::INFINITY, |fastest, &time| {
            *fastest = fastest.min(time);
            Some(best / *fastest)
        });
        sum += task.weight * running.collect::<Array1<f64>>().mean().unwrap_or(0.0);
        weight += task.weight;
    }
    weighted(METRIC, k, sum, weight)
}

fn least(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}

fn weighted(metric: &'static str, k: usize, numerator: f64, denominator: f64) -> Result<f64> {
    match (k, denominator) {
        (0, _) => Err(Error::Undefined { metric, reason: "k is 0" }),
        (_, 0.0) => Err(Error::Undefined { metric, reason: "no task has a weight" }),
        _ => Ok(numerator / denominator),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let (scores, times) = ([3.0, 2.0, 1.0], [4.0, 2.0, 1.0]);
        let (good, fast) = ([1.0, 2.0], [8.0, 4.0]);
        let tasks = [Task::new(2.0, &scores, &times), Task::new(1.0, &good, &fast)];
        // Best: 2 · 1 + 4; the first of each: 2 · 4 + 4.
        assert_eq!(top_k_score(&tasks, 1), Ok(6.0 / 12.0));
        assert_eq!(top_k_score(&tasks, 9), Ok(1.0));
        // Running maxima of the first task: 1/4, 1/2; of the second: 1, 1.
        assert_eq!(peak_score(&tasks, 2), Ok((2.0 * 0.375 + 1.0) / 3.0));
    }

    #[test]
    fn indecision_gains_nothing() {
        assert_eq!(top_k_score(&[Task::new(1.0, &[0.0, -0.0], &[1.0, 2.0])], 1), Ok(0.5));
    }

    #[test]
    fn undefined_without_choice_weight_or_time() {
        let task = |weight, time| Task { weight, scores: [1.0].as_slice().into(), times: time };
        let one = [1.0];
        for metric in [top_k_score, peak_score] {
            assert!(metric(&[task(1.0, (&one).into())], 0).is_err());
            assert!(metric(&[task(0.0, (&one).into())], 1).is_err());
            assert!(metric(&[task(f64::NAN, (&one).into())], 1).is_err());
            assert!(metric(&[task(1.0, (&[0.0]).into())], 1).is_err());
            assert!(metric(&[], 1).is_err());
        }
    }
}
