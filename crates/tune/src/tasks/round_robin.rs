//! One after the other.

use rand_chacha::ChaCha8Rng;

use super::{TaskScheduler, TaskState};

/// Each in its turn; those that are done are passed over.
#[derive(Default)]
pub struct RoundRobin(usize);

impl TaskScheduler for RoundRobin {
    fn next(&mut self, tasks: &[TaskState], _: &mut ChaCha8Rng) -> Option<usize> {
        let n = tasks.len();
        let next = (0..n).map(|i| (self.0 + i) % n).find(|&i| !tasks[i].done)?;
        self.0 = next + 1;
        Some(next)
    }
}
