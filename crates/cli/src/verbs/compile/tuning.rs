//! Tunes the kernels of a network for as long, and with as many trials, as is allowed.

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
    if !args.tunes() {
        return Ok(());
    }
    let budget = args.budget.filter(|time| !time.is_zero());
    let end = budget.map(|time| Instant::now() + time);
    let mut measurer = AtNeed::new(Ok(compiler.clone()));
    let mut progress = Progress::new(args.trials, budget);
    let mut known_now = known(network, journal)?;
    let mut round = |tasks: &[Task], trials: Option<usize>, journal: &mut dyn Journal| -> Result<()> {
        let time = end.map(|end| end.saturating_duration_since(Instant::now()));
        if time.is_some_and(|left| left < Duration::from_millis(100)) || tasks.is_empty() {
            return Ok(());
        }
        let plan = Plan { trials, time, seed: args.seed, memory_bytes: MEMORY_MB << 20, ..Plan::default() };
        run(tasks, by, &mut measurer, journal, &plan, &mut |trial| {
            progress.trial(&trial);
            ControlFlow::Continue(())
        })?;
        Ok(())
    };
    let all = tasks(network, &known_now, by)?;
    let fresh: Vec<Task> = all.into_iter().filter(|task| !known_now.contains_key(&task.hash)).collect();
    let before: usize = known_now.values().map(Vec::len).sum();
    let most = args.trials.map_or(usize::MAX, |trials| trials.saturating_sub(before));
    round(&fresh, Some(fresh.len().min(most)), journal)?;
    known_now = known(network, journal)?;
    let hopeful = tasks(network, &known_now, by)?;
    // What was measured of the others counts as well.
    let others = known_now.iter().filter(|(hash, _)| hopeful.iter().all(|task| task.hash != **hash));
    let others: usize = others.map(|(_, all)| all.len()).sum();
    round(&hopeful, args.trials.map(|trials| trials.saturating_sub(others)), journal)?;
    progress.end();
    if let Some(ms) = total_ms(network, &known(network, journal)?) {
        eprintln!("kernels by themselves: {ms:.3} ms together");
    }
    Ok(())
}
