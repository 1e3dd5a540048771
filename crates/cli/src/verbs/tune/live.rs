//! `tachograph tune MODEL`: the groups of a network, tuned on this machine.

use std::{ops::ControlFlow, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tachograph_program::{Compiler, Schedule, Workload};
use tachograph_tune::{
    Tuner,
    live::{Journal, Known, Memory, Near, Plan, Task, Trialled, nearest, tune, winner},
};

use super::{Args, from, progress::Progress, said};
use crate::{
    exit,
    here::{CPU, Here},
    table, tuned,
    verbs::program::Groups,
};

/// A task, and which groups of the network it is.
pub struct Of {
    pub groups: Vec<usize>,
    pub operators: String,
}

/// What is known of a task in the end.
pub struct Found<'a> {
    pub task: &'a Task,
    pub of: &'a Of,
    pub known: Vec<Known>,
    /// An answer from another shape, where nothing is known of this one.
    pub near: Option<Near>,
}

impl Found<'_> {
    /// The time of the schedule that is taken where nothing was tuned.
    pub fn untuned_ms(&self) -> Option<f64> {
        let known = self.known.iter().find(|known| known.schedule == self.task.untuned)?;
        known.outcome.as_ref().ok().map(|timed| timed.ms)
    }

    pub fn best(&self) -> Option<(&Schedule, f64)> {
        winner(&self.task.untuned, &self.known).map(|winner| (winner.schedule, winner.timed.ms))
    }
}

pub fn run(args: &Args, model: &Path, by: &Tuner) -> Result<()> {
    let device = args.device.as_deref().unwrap_or(CPU);
    ensure!(device == CPU, "--device {device}: programs are tuned on the processor of this machine, --device {CPU}");
    let groups = Groups::of(model, &args.bind)?;
    let (mut tasks, ofs) = tasks(args, &groups, by)?;
    let here = Here::cpu().context("the system does not say which processor this machine has")?;
    from::start(args, &mut tasks, &here)?;
    let compiler = Compiler::find();
    let named = compiler.as_ref().ok().map(tuned::compiler);
    let mut journal: Box<dyn Journal> = match args.record.open()? {
        Some(store) => Box::new(tuned::Kept::new(store, here, named)),
        None => Box::new(Memory::default()),
    };
    let trials = match (args.trials, args.minutes) {
        (None, None) => Some(TRIALS * tasks.len()),
        (trials, _) => trials,
    };
    let time = args.minutes.map(|minutes| Duration::from_secs_f64(60.0 * minutes));
    let checkpoint = args.checkpoint.clone();
    let plan = Plan { trials, time, seed: args.seed, memory_bytes: args.memory_mb << 20, checkpoint };
    let mut measurer = tuned::AtNeed::new(compiler);
    let mut progress = Progress::new(trials, time);
    let mut wrong = Ok(());
    let mut each = |trial: Trialled<'_>| {
        progress.trial(&trial);
        if args.json {
            wrong = table::json(&line(&trial, &tasks, &ofs));
        }
        if wrong.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let known = tune(&tasks, by, &mut measurer, journal.as_mut(), &plan, &mut each)?;
    progress.end();
    wrong?;
    let mut found = Vec::new();
    for ((task, of), known) in tasks.iter().zip(&ofs).zip(known) {
        let near = match winner(&task.untuned, &known) {
            Some(_) => None,
            None => nearest(task, &journal.like(&task.workload).map_err(anyhow::Error::msg)?, 1)?.pop(),
        };
        found.push(Found { task, of, known, near });
    }
    said::all(args, &groups.name, by, &found, progress.measured())
}

/// Trials for each task where nobody says how many.
const TRIALS: usize = 64;

/// The groups of a network that are different workloads; or one of them.
fn tasks(args: &Args, groups: &Groups, by: &Tuner) -> Result<(Vec<Task>, Vec<Of>)> {
    let mut workloads: Vec<(Workload, Of)> = Vec::new();
    for i in 0..groups.fused.len() {
        let workload = match groups.workload(i) {
            Ok(workload) => workload,
            Err(error) => {
                if args.group.is_none() {
                    exit::warn(&format!("group {i} is not tuned: {error:#}"));
                }
                continue;
            }
        };
        match workloads.iter_mut().find(|(other, _)| other.hash() == workload.hash()) {
            Some((_, of)) => of.groups.push(i),
            None => workloads.push((workload, Of { groups: vec![i], operators: groups.operators(i) })),
        }
    }
    if let Some(group) = args.group {
        // Says what is wrong with it, if something is.
        groups.workload(group)?;
        workloads.retain(|(_, of)| of.groups.contains(&group));
    }
    let mut tasks = Vec::new();
    let mut ofs = Vec::new();
    for (workload, of) in workloads {
        let context = || format!("{}: group {}", groups.name, of.groups[0]);
        tasks.push(Task::cpu(workload, of.groups.len(), by, args.space.as_deref()).with_context(context)?);
        ofs.push(of);
    }
    ensure!(!tasks.is_empty(), "{}: none of its groups can be tuned", groups.name);
    Ok((tasks, ofs))
}

fn line(trial: &Trialled<'_>, tasks: &[Task], ofs: &[Of]) -> Value {
    let mut line = json!({
        "task": trial.task,
        "group": ofs[trial.task].groups[0],
        "workload": tasks[trial.task].hash.to_string(),
        "trial": trial.trials,
        "known": !trial.new,
        "schedule": trial.known.schedule,
        "best_ms": trial.best_ms,
        "total_ms": trial.total_ms,
    });
    match &trial.known.outcome {
        Ok(timed) => line["time_ms"] = json!(timed.ms),
        Err(error) => line["error"] = json!(error),
    }
    line
}
