//! Ansor's: where the weighted sum of the times is expected to fall most.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{TaskScheduler, TaskState, untried};

const ALPHA: f64 = 0.2;
const BETA: f64 = 2.0;
const WINDOW: usize = 3;
/// A task leaves its like when it had so many rounds more than the rest and is slower than best / β.
const LEAVES_AFTER: usize = 5;

/// The scheduler.
#[derive(Default)]
pub struct Gradient {
    left: Vec<bool>,
}

impl Gradient {
    fn like<'a>(&'a self, tasks: &'a [TaskState], i: usize) -> impl Iterator<Item = usize> + 'a {
        let tag = &tasks[i].tag;
        (0..tasks.len()).filter(move |&k| k == i || (!tag.is_empty() && tasks[k].tag == *tag && !self.left[k]))
    }

    /// Tasks that fall behind their like no longer say what these can reach.
    fn leave(&mut self, tasks: &[TaskState]) {
        self.left.resize(tasks.len(), false);
        for i in 0..tasks.len() {
            let speed = |k: usize| tasks[k].flops / tasks[k].best_ms();
            let others: Vec<usize> = self.like(tasks, i).filter(|&k| k != i).collect();
            let best = others.iter().map(|&k| speed(k)).fold(0.0, f64::max);
            let rounds = others.iter().map(|&k| tasks[k].rounds()).max().unwrap_or(0);
            if !others.is_empty() && speed(i) < best / BETA && tasks[i].rounds() > rounds + LEAVES_AFTER {
                self.left[i] = true;
            }
        }
    }

    /// How the weighted sum is expected to change in a round: the lower the better.
    fn slope(&self, tasks: &[TaskState], i: usize) -> f64 {
        let (task, n) = (&tasks[i], tasks[i].rounds());
        let last = task.best_ms();
        if !last.is_finite() {
            return f64::NEG_INFINITY;
        }
        let before = task.best[n.saturating_sub(1 + WINDOW)];
        let backward = if before.is_finite() { (last - before) / WINDOW as f64 } else { -last };
        let fastest = self.like(tasks, i).map(|k| tasks[k].flops / tasks[k].best_ms()).fold(0.0, f64::max);
        let alike = if fastest > 0.0 { BETA * task.flops / fastest } else { f64::INFINITY };
        let forward = (last - last / n as f64).min(alike) - last;
        task.weight * (ALPHA * backward + (1.0 - ALPHA) * forward)
    }
}

impl TaskScheduler for Gradient {
    fn next(&mut self, tasks: &[TaskState], rng: &mut ChaCha8Rng) -> Option<usize> {
        if let Some(i) = untried(tasks) {
            return Some(i);
        }
        self.leave(tasks);
        let slopes: Vec<(usize, f64)> =
            (0..tasks.len()).filter(|&i| !tasks[i].done).map(|i| (i, self.slope(tasks, i))).collect();
        let least = slopes.iter().map(|(_, slope)| *slope).fold(f64::INFINITY, f64::min);
        let equal: Vec<usize> = slopes.iter().filter(|(_, slope)| *slope <= least).map(|(i, _)| *i).collect();
        equal.get(rng.random_range(0..equal.len().max(1))).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_by_hand() {
        let task = |flops: f64, best: &[f64], tag: &str| TaskState {
            weight: 1.0,
            flops,
            tag: tag.into(),
            best: best.to_vec(),
            done: false,
        };
        let mut gradient = Gradient::default();
        let alone = [task(6.0, &[10.0, 8.0, 7.0, 6.0], "")];
        gradient.leave(&alone);
        // 0.2 (6 − 10)/3 + 0.8 (min(6 − 6/4, 2 · 6/1) − 6).
        assert!((gradient.slope(&alone, 0) - (0.2 * -4.0 / 3.0 + 0.8 * -1.5)).abs() < 1e-12);
        // A like of speed 4: it could come down to 2 · 6/4 = 3.
        let alike = [task(6.0, &[10.0, 8.0, 7.0, 6.0], "conv"), task(4.0, &[1.0], "conv")];
        gradient.leave(&alike);
        assert!((gradient.slope(&alike, 0) - (0.2 * -4.0 / 3.0 + 0.8 * (3.0 - 6.0))).abs() < 1e-12);
        // Seven rounds to one, and slow: it leaves.
        let slow = [task(6.0, &[6.0; 7], "conv"), task(4.0, &[1.0], "conv")];
        gradient.leave(&slow);
        assert_eq!(gradient.left, [true, false]);
    }
}
