//! `tachograph program collect`.

mod task;

use std::{
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tachograph_metrics::quantile;
use tachograph_program::{Compiler, Cpu, Settings, Workload};
use tachograph_tune::CollectedProgram;

use self::task::Task;
use super::picked::Groups;
use crate::{args, exit, here::Here, models::Bind, table, tuned};

/// Measure programs of the groups of models here, half drawn at random and half bred from fast ones, as data to learn from
///
/// A file for each different group; the same command goes on where it was ended.
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// Model files.
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<PathBuf>,
    #[command(flatten)]
    bind: Bind,
    /// Folder that the files are written to.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Programs of each group.
    #[arg(long, default_value_t = 750, value_parser = args::count)]
    programs: usize,
    /// Points of templates alone, all at random and the untuned one first; groups that no template knows are left out.
    #[arg(long)]
    templates: bool,
    /// Groups with less arithmetic, in MFLOP, are left out.
    #[arg(long, value_name = "MFLOP", default_value_t = 1.0, value_parser = args::positive)]
    least: f64,
    /// Minutes of this run.
    #[arg(long, default_value_t = 60.0, value_parser = args::positive)]
    minutes: f64,
    /// Of all that is drawn.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub fn run(args: &Args) -> Result<()> {
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let here = Here::cpu().context("the system does not say which processor this machine has")?;
    let compiler = Compiler::find()?;
    let named = tuned::compiler(&compiler);
    let tasks = workloads(args)?
        .into_iter()
        .filter_map(|(workload, networks)| {
            let task = Task::open(&args.out, workload, networks, (&here, &named), args.templates).transpose()?;
            Some(task.map(Mutex::new))
        })
        .collect::<Result<Vec<_>>>()?;
    ensure!(!tasks.is_empty(), "no template knows any of the groups");
    let progress = Progress {
        programs: args.programs,
        seed: args.seed,
        time: Duration::from_secs_f64(60.0 * args.minutes),
        before: all(&tasks, |_| Some(())).len(),
        start: Instant::now(),
        measured: AtomicUsize::new(0),
        next: AtomicUsize::new(0),
    };
    // One's candidates are timed while another's are compiled, each on a core.
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(tasks.len());
    std::thread::scope(|scope| {
        let work = || {
            let mut cpu = Cpu::new(compiler.clone(), Settings::default())?.with_compilers(1);
            progress.work(&tasks, &mut cpu)
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        // What a panic says has been printed.
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("a worker came to a bad end")))
    })?;
    let (seconds, measured) = (progress.start.elapsed().as_secs_f64(), progress.measured.into_inner());
    out!(
        "{}: {} programs of {}, {} of them failed",
        args.out.display(),
        all(&tasks, |_| Some(())).len(),
        table::counted(tasks.len(), "group"),
        all(&tasks, |program| program.outcome.as_ref().err().map(drop)).len()
    );
    // What was timed by two runs has no spread.
    let spreads =
        all(&tasks, |program| program.outcome.as_ref().ok().map(|timed| timed.spread).filter(|&spread| spread > 0.0));
    let drifts = all(&tasks, |program| program.outcome.is_ok().then_some(program.drift));
    if let (Some(spread), [Some(low), Some(high)]) = (quantile(&spreads, 0.5), [0.1, 0.9].map(|q| quantile(&drifts, q)))
    {
        out!(
            "spread {spread:.3}, the median of {}; drift {low:.3} to {high:.3}, its first and last decile",
            spreads.len()
        );
    }
    out!("{measured} measured now in {seconds:.0} s, {:.2} a second", measured as f64 / seconds.max(1e-9));
    Ok(())
}

/// Something of the programs of all tasks.
fn all<T>(tasks: &[Mutex<Task>], of: impl Fn(&CollectedProgram) -> Option<T>) -> Vec<T> {
    let each = |task: &Mutex<Task>| -> Vec<T> {
        let task = task.lock().unwrap_or_else(PoisonError::into_inner);
        task.set.programs.iter().filter_map(&of).collect()
    };
    tasks.iter().flat_map(each).collect()
}

/// What workers share.
struct Progress {
    /// Of each task.
    programs: usize,
    seed: u64,
    time: Duration,
    /// How many were there at the start.
    before: usize,
    start: Instant,
    measured: AtomicUsize,
    /// Rounds that were begun, of all tasks in turns.
    next: AtomicUsize,
}

impl Progress {
    /// Takes rounds until the time is over, or all tasks have what they are to have.
    fn work(&self, tasks: &[Mutex<Task>], cpu: &mut Cpu) -> Result<()> {
        let mut idle = 0;
        while idle < tasks.len() && self.start.elapsed() < self.time {
            let round = self.next.fetch_add(1, Ordering::Relaxed);
            let task = &tasks[round % tasks.len()];
            let new = task.lock().unwrap_or_else(PoisonError::into_inner).round(self.programs, self.seed, cpu)?;
            idle = if new == 0 { idle + 1 } else { 0 };
            let measured = self.measured.fetch_add(new, Ordering::Relaxed) + new;
            if (round + 1).is_multiple_of(tasks.len()) {
                let rate = measured as f64 / self.start.elapsed().as_secs_f64();
                eprintln!(
                    "{} programs of {}, {rate:.1} a second",
                    self.before + measured,
                    table::counted(tasks.len(), "group")
                );
            }
        }
        Ok(())
    }
}

/// The different groups of all models that are worth it, and the models that each is of.
fn workloads(args: &Args) -> Result<Vec<(Workload, Vec<String>)>> {
    let mut found: Vec<(Workload, Vec<String>)> = Vec::new();
    for model in &args.models {
        let groups = Groups::of(model, &args.bind)?;
        let name = model.file_name().map_or_else(|| groups.name.clone(), |name| name.to_string_lossy().into_owned());
        for workload in (0..groups.fused.len()).filter_map(|i| groups.workload(i).ok()) {
            if (workload.flops() as f64) < args.least * 1e6 {
                continue;
            }
            match found.iter_mut().find(|(other, _)| other.hash() == workload.hash()) {
                Some((_, names)) if names.contains(&name) => {}
                Some((_, names)) => names.push(name.clone()),
                None => found.push((workload, vec![name.clone()])),
            }
        }
    }
    ensure!(!found.is_empty(), "no group has {} MFLOP", args.least);
    Ok(found)
}
