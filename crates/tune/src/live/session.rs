//! The loop of live tuning: which task, which schedules, measure, keep, learn.

use std::{
    ops::ControlFlow,
    path::PathBuf,
    time::{Duration, Instant},
};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tachograph_program::{Measurer, Workload};

use super::{Journal, Known, Task, state::State};
use crate::{Error, Result, Tuner, tasks::task_scheduler};

/// Schedules of a round at most, which are compiled together and timed in turns; Ansor has 64.
const ROUND: usize = 16;

/// A candidate this many times slower than the best is timed by one run.
const PATIENCE: f64 = 10.0;

/// Milliseconds below which every candidate is timed exactly.
const SHORT: f64 = 20.0;

/// What a candidate may take before it is timed once, in milliseconds, given the fastest so far; nothing is said where there is
/// none yet.
pub fn patience_ms(best_ms: Option<f64>) -> f64 {
    best_ms.map_or(0.0, |best| (PATIENCE * best).max(SHORT))
}

/// How long, and from where.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Schedules of all tasks together, those that are known from before included; no limit where `None`.
    pub trials: Option<usize>,
    /// Time of this run; no limit where `None`.
    pub time: Option<Duration>,
    /// Where all chance comes from.
    pub seed: u64,
    /// Bytes that buffers of candidates may take together, in memory and in files: fewer are compiled and timed at once where
    /// theirs are large.
    pub memory_bytes: u64,
    /// What cost models that are networks start from: a checkpoint of `train_programs`, trained on other programs.
    pub checkpoint: Option<PathBuf>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { trials: None, time: None, seed: 0, memory_bytes: 2 << 30, checkpoint: None }
    }
}

/// What came of a schedule.
#[derive(Clone, Copy, Debug)]
pub struct Trialled<'a> {
    /// Number of its task.
    pub task: usize,
    /// The schedule and its outcome.
    pub known: &'a Known,
    /// False if it was known before this run.
    pub new: bool,
    /// Schedules of all tasks that are known now.
    pub trials: usize,
    /// The fastest of its task.
    pub best_ms: Option<f64>,
    /// The fastest of each task, times how often it occurs, together; `None` while a task has none.
    pub total_ms: Option<f64>,
}

/// Tunes tasks by a tuner until the plan is done, or nothing is left, or `each` breaks off; `each` sees what was known before,
/// then every measurement after it was kept. What is known of each task then, in the order in which it was learned.
///
/// # Errors
/// The journal cannot be read or written; nothing can be measured at all; a model that cannot be made or fitted; a tuner that makes
/// nothing of what a task is to start from.
pub fn tune(
    tasks: &[Task],
    tuner: &Tuner,
    measurer: &mut dyn Measurer,
    journal: &mut dyn Journal,
    plan: &Plan,
    each: &mut dyn FnMut(Trialled<'_>) -> ControlFlow<()>,
) -> Result<Vec<Vec<Known>>> {
    let start = Instant::now();
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    let mut scheduler = task_scheduler(tuner.tasks)?;
    let state = |(i, task)| State::new(task, tuner, plan.checkpoint.as_deref(), plan.seed ^ i as u64);
    let mut all = All {
        states: tasks.iter().enumerate().map(state).collect::<Result<_>>()?,
        best: vec![None; tasks.len()],
        trials: 0,
    };
    let mut flow = ControlFlow::Continue(());
    for (i, task) in tasks.iter().enumerate() {
        let known = journal.known(&task.workload).map_err(Error::Journal)?;
        all.learn(i, known, false, &mut flow, each)?;
        if let Some(best) = all.states[i].best_ms() {
            all.states[i].rounds.best.push(best);
        }
    }
    // A small budget is divided too.
    let round = plan.trials.map_or(ROUND, |trials| (trials / (4 * tasks.len().max(1))).clamp(1, ROUND));
    while flow.is_continue() && plan.time.is_none_or(|time| start.elapsed() < time) {
        let left = plan.trials.map_or(usize::MAX, |trials| trials.saturating_sub(all.trials));
        let rounds: Vec<_> = all.states.iter().map(|state| state.rounds.clone()).collect();
        let Some(i) = scheduler.next(&rounds, &mut rng).filter(|_| left > 0) else { break };
        let n = round.min(left).min(together(&tasks[i].workload, plan.memory_bytes));
        // Another tuner may have been at work.
        let known = journal.known(&tasks[i].workload).map_err(Error::Journal)?;
        all.learn(i, known, false, &mut flow, each)?;
        let schedules = all.states[i].ask(n, journal)?;
        if schedules.is_empty() {
            continue;
        }
        measurer.be_patient(patience_ms(all.states[i].best_ms()));
        let records = measurer.measure(&tasks[i].workload, &schedules)?;
        journal.keep(&tasks[i].workload, &records).map_err(Error::Journal)?;
        all.learn(i, records.iter().map(Known::of).collect(), true, &mut flow, each)?;
        let best = all.states[i].best_ms().unwrap_or(f64::INFINITY);
        all.states[i].rounds.best.push(best);
    }
    Ok(all.states.into_iter().map(State::into_known).collect())
}

/// How many candidates of a workload have their buffers at once.
fn together(workload: &Workload, memory_bytes: u64) -> usize {
    let stages = workload.stages().iter().map(|stage| workload.buffer(stage.buffer).bytes());
    // Inputs stand in a file and in memory; a workspace holds the stages at most.
    let each = stages.fold(workload.bytes().saturating_mul(2), u64::saturating_add).max(1);
    usize::try_from(memory_bytes / each).unwrap_or(usize::MAX).clamp(1, ROUND)
}

/// All tasks on the way.
struct All<'a> {
    states: Vec<State<'a>>,
    best: Vec<Option<f64>>,
    trials: usize,
}

impl All<'_> {
    /// Hands new knowledge to a task, and says each.
    fn learn(
        &mut self,
        i: usize,
        known: Vec<Known>,
        new: bool,
        flow: &mut ControlFlow<()>,
        each: &mut dyn FnMut(Trialled<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let before = self.states[i].known().len();
        self.states[i].learn(known)?;
        let state = &self.states[i];
        for known in &state.known()[before..] {
            self.trials += 1;
            if let Ok(timed) = &known.outcome {
                self.best[i] = Some(self.best[i].map_or(timed.ms, |best| best.min(timed.ms)));
            }
            let total = || {
                let each =
                    self.states.iter().zip(&self.best).map(|(state, best)| Some(state.task.count as f64 * (*best)?));
                each.sum::<Option<f64>>()
            };
            let trials = self.trials;
            let said = Trialled { task: i, known, new, trials, best_ms: self.best[i], total_ms: total() };
            if each(said).is_break() {
                *flow = ControlFlow::Break(());
            }
        }
        Ok(())
    }
}
