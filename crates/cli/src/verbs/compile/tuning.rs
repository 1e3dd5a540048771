//! Tunes the kernels of a network for as long as is allowed.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use anyhow::Result;
use tachograph_compile::{Network, known, tasks, total_ms};
use tachograph_program::Compiler;
use tachograph_tune::{
    Tuner,
    live::{Journal, Plan, Task, tune as run},
};

use super::Args;
use crate::{tuned::AtNeed, verbs::tune::progress::Progress};

/// MB that buffers of candidates may take at once.
const MEMORY_MB: u64 = 2048;

/// First every form of every group, untuned; then the forms that have a chance.
pub fn tune(
    args: &Args,
    network: &Network<'_>,
    by: &Tuner,
    compiler: &Compiler,
    journal: &mut dyn Journal,
) -> Result<()> {
    if args.budget.is_zero() {
        return Ok(());
    }
    let end = Instant::now() + args.budget;
    let mut measurer = AtNeed::new(Ok(compiler.clone()));
    let mut progress = Progress::new(None, Some(args.budget));
    let mut known_now = known(network, journal)?;
    let mut round = |tasks: &[Task], trials: Option<usize>, journal: &mut dyn Journal| -> Result<()> {
        let left = end.saturating_duration_since(Instant::now());
        if left < Duration::from_millis(100) || tasks.is_empty() {
            return Ok(());
        }
        let time = Some(left);
        let plan = Plan { trials, time, seed: args.seed, memory_bytes: MEMORY_MB << 20, ..Plan::default() };
        run(tasks, by, &mut measurer, journal, &plan, &mut |trial| {
            progress.trial(&trial);
            ControlFlow::Continue(())
        })?;
        Ok(())
    };
    let all = tasks(network, &known_now, by)?;
    let fresh: Vec<Task> = all.into_iter().filter(|task| !known_now.contains_key(&task.hash)).collect();
    round(&fresh, Some(fresh.len()), journal)?;
    known_now = known(network, journal)?;
    round(&tasks(network, &known_now, by)?, None, journal)?;
    progress.end();
    if let Some(ms) = total_ms(network, &known(network, journal)?) {
        eprintln!("kernels by themselves: {ms:.3} ms together");
    }
    Ok(())
}
