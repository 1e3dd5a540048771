//! Bansor's, of which only the idea is known: a bandit over tasks. The reward is the share by which a round lowered the
//! weighted sum of times; old rewards fade by 0.9 a round (our choice).

use rand_chacha::ChaCha8Rng;

use super::{TaskScheduler, TaskState, untried};
use crate::bandit::{Bandit, Rule};

const FADES: f64 = 0.9;

/// The scheduler.
pub struct BanditTasks {
    rule: Rule,
    bandit: Option<Bandit>,
    pulled: Option<(usize, f64)>,
}

impl BanditTasks {
    /// Nothing learned yet.
    pub fn new(rule: Rule) -> Self {
        Self { rule, bandit: None, pulled: None }
    }
}

fn total(tasks: &[TaskState]) -> f64 {
    tasks.iter().filter(|task| task.best_ms().is_finite()).map(|task| task.weight * task.best_ms()).sum()
}

impl TaskScheduler for BanditTasks {
    fn next(&mut self, tasks: &[TaskState], rng: &mut ChaCha8Rng) -> Option<usize> {
        let bandit = self.bandit.get_or_insert_with(|| Bandit::new(self.rule, tasks.len(), FADES));
        let now = total(tasks);
        if let Some((task, before)) = self.pulled.take()
            && before > 0.0
        {
            bandit.reward(task, ((before - now) / before).max(0.0));
        }
        let open: Vec<bool> = tasks.iter().map(|task| !task.done).collect();
        let next = untried(tasks).or_else(|| bandit.choose(&open, rng))?;
        // The first round of a task adds its time to the sum: no reward is drawn from that.
        self.pulled = (!tasks[next].best.is_empty()).then_some((next, now));
        Some(next)
    }
}
