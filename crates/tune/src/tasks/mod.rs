//! Task schedulers: which of several tasks is tuned in the next round.

mod bandit;
mod gradient;
mod meta_schedule;
mod round_robin;

use rand_chacha::ChaCha8Rng;

pub use bandit::BanditTasks;
pub use gradient::Gradient;
pub use meta_schedule::MetaScheduleTasks;
pub use round_robin::RoundRobin;

use crate::{Error, Result, bandit::Rule};

/// What is known of a task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskState {
    /// How often it occurs in the network.
    pub weight: f64,
    /// Operations of one run.
    pub flops: f64,
    /// Tasks of one tag are alike.
    pub tag: String,
    /// The best time after each of its rounds, infinite while there is none.
    pub best: Vec<f64>,
    /// Nothing of it is left to measure.
    pub done: bool,
}

impl TaskState {
    /// Rounds that it had.
    pub fn rounds(&self) -> usize {
        self.best.len()
    }

    /// The best time.
    pub fn best_ms(&self) -> f64 {
        self.best.last().copied().unwrap_or(f64::INFINITY)
    }
}

/// The first task that never had a round, as all schedulers warm up.
fn untried(tasks: &[TaskState]) -> Option<usize> {
    tasks.iter().position(|task| !task.done && task.best.is_empty())
}

/// Says which task is next.
pub trait TaskScheduler: Send {
    /// The task of the next round; `None` if all are done.
    fn next(&mut self, tasks: &[TaskState], rng: &mut ChaCha8Rng) -> Option<usize>;
}

/// A registered scheduler.
pub struct TaskSchedulerEntry {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Makes one.
    pub make: fn() -> Box<dyn TaskScheduler>,
}

/// Every task scheduler, a line each.
pub const TASK_SCHEDULERS: &[TaskSchedulerEntry] = &[
    TaskSchedulerEntry { name: "round-robin", about: "one after the other", make: || Box::new(RoundRobin::default()) },
    TaskSchedulerEntry {
        name: "gradient",
        about: "where the weighted sum of times is expected to fall most (Ansor)",
        make: || Box::new(Gradient::default()),
    },
    TaskSchedulerEntry {
        name: "meta-schedule",
        about: "Ansor's without the similarity of tasks (MetaSchedule)",
        make: || Box::new(MetaScheduleTasks),
    },
    TaskSchedulerEntry {
        name: "ucb",
        about: "a bandit (UCB1) whose reward is the fall of the weighted sum (Bansor)",
        make: || Box::new(BanditTasks::new(Rule::Ucb1(0.5))),
    },
    TaskSchedulerEntry {
        name: "thompson",
        about: "the same by Thompson sampling (Bansor)",
        make: || Box::new(BanditTasks::new(Rule::Thompson)),
    },
];

/// A task scheduler by its name.
///
/// # Errors
/// There is none of that name.
pub fn task_scheduler(name: &str) -> Result<Box<dyn TaskScheduler>> {
    let entry = TASK_SCHEDULERS.iter().find(|entry| entry.name == name);
    entry.map(|entry| (entry.make)()).ok_or_else(|| Error::Unknown {
        what: "task scheduler",
        name: name.into(),
        known: TASK_SCHEDULERS.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn each_warms_up_and_stops_when_all_are_done() {
        for entry in TASK_SCHEDULERS {
            let (mut scheduler, mut rng) = ((entry.make)(), ChaCha8Rng::seed_from_u64(0));
            let mut tasks = vec![TaskState { weight: 1.0, flops: 1e9, ..TaskState::default() }; 3];
            let mut counts = [0; 3];
            for round in 0..30 {
                let i = scheduler.next(&tasks, &mut rng).unwrap();
                assert!(round >= 3 || counts[i] == 0, "{} does not warm up", entry.name);
                counts[i] += 1;
                let before = tasks[i].best.last().copied().unwrap_or(10.0);
                tasks[i].best.push(before * 0.9);
            }
            tasks.iter_mut().for_each(|task| task.done = true);
            assert_eq!(scheduler.next(&tasks, &mut rng), None, "{}", entry.name);
        }
        assert!(task_scheduler("none").is_err_and(|error| error.to_string().contains("round-robin")));
    }
}
