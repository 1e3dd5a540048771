//! MetaSchedule's: g = w (α (L₍ₙ₋₃₎ − Lₙ)/3 + (1 − α) Lₙ/n), α = 0.2; the largest is next.

use rand_chacha::ChaCha8Rng;

use super::{TaskScheduler, TaskState, untried};

const ALPHA: f64 = 0.2;
const WINDOW: usize = 3;

/// The scheduler.
pub struct MetaScheduleTasks;

fn gain(task: &TaskState) -> f64 {
    let n = task.rounds();
    let last = task.best_ms();
    if !last.is_finite() {
        // No candidate has run yet. The released code has a large constant for it.
        return f64::INFINITY;
    }
    // Before there are enough rounds the first stands for those before it (ours).
    let before = task.best[n.saturating_sub(1 + WINDOW)];
    let fall = if before.is_finite() { (before - last) / WINDOW as f64 } else { last };
    task.weight * (ALPHA * fall + (1.0 - ALPHA) * last / n as f64)
}

impl TaskScheduler for MetaScheduleTasks {
    fn next(&mut self, tasks: &[TaskState], _: &mut ChaCha8Rng) -> Option<usize> {
        let open = (0..tasks.len()).filter(|&i| !tasks[i].done);
        untried(tasks).or_else(|| open.reduce(|a, b| if gain(&tasks[b]) > gain(&tasks[a]) { b } else { a }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gain_by_hand() {
        let task = TaskState { weight: 2.0, best: vec![10.0, 8.0, 7.0, 6.0], ..TaskState::default() };
        // 2 (0.2 (10 − 6)/3 + 0.8 · 6/4).
        assert!((gain(&task) - 2.0 * (0.2 * 4.0 / 3.0 + 0.8 * 1.5)).abs() < 1e-12);
    }
}
