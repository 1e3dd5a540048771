//! `tachograph program collect`.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tachograph_program::{Compiler, Cpu, Measurer, Point, Settings, Workload};
use tachograph_tune::{
    Collected, CollectedHead, CollectedProgram, Domain, History, Situation, Strategy, Trial,
    live::{Known, patience_ms, space},
    models::{Trees, TreesOptions},
    strategies::{Evolution, EvolutionOptions},
};

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

/// Programs that are measured together, all of one kind.
const ROUND: usize = 16;

/// Ansor's evolution in small batches, without random points of its own.
const BRED: EvolutionOptions =
    EvolutionOptions { population: 512, batch: ROUND, random: 0.0, warm_up: ROUND, ..EvolutionOptions::ANSOR };

pub fn run(args: &Args) -> Result<()> {
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    let here = Here::cpu().context("the system does not say which processor this machine has")?;
    let compiler = Compiler::find()?;
    let named = tuned::compiler(&compiler);
    let mut cpu = Cpu::new(compiler, Settings::default())?;
    let mut tasks = workloads(args)?
        .into_iter()
        .map(|(workload, networks)| Task::open(&args.out, workload, networks, &here, &named))
        .collect::<Result<Vec<_>>>()?;
    let (start, time) = (Instant::now(), Duration::from_secs_f64(60.0 * args.minutes));
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let mut measured = 0;
    'all: loop {
        let mut more = false;
        for task in &mut tasks {
            if start.elapsed() >= time {
                break 'all;
            }
            let new = task.round(args.programs, &mut cpu, &mut rng)?;
            more |= new > 0;
            measured += new;
        }
        if !more {
            break;
        }
        let there: usize = tasks.iter().map(|task| task.set.programs.len()).sum();
        let rate = measured as f64 / start.elapsed().as_secs_f64();
        eprintln!("{there} programs of {}, {rate:.1} a second", table::counted(tasks.len(), "group"));
    }
    let there: usize = tasks.iter().map(|task| task.set.programs.len()).sum();
    let failed = tasks.iter().flat_map(|task| &task.set.programs).filter(|program| program.outcome.is_err()).count();
    let seconds = start.elapsed().as_secs_f64();
    out!(
        "{}: {there} programs of {}, {failed} of them failed",
        args.out.display(),
        table::counted(tasks.len(), "group")
    );
    out!("{measured} measured now in {seconds:.0} s, {:.2} a second", measured as f64 / seconds.max(1e-9));
    Ok(())
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

/// A group, its file, and what breeds its programs.
struct Task {
    path: PathBuf,
    set: Collected,
    domain: Domain,
    history: History,
    breed: Evolution,
}

impl Task {
    /// What its file has; else nothing yet.
    fn open(out: &Path, workload: Workload, networks: Vec<String>, here: &Here, compiler: &str) -> Result<Self> {
        let path = out.join(format!("{}.jsonl.gz", &workload.hash().to_string()[..16]));
        let mut set = if path.exists() {
            Collected::read(&path)?
        } else {
            let space = space(&workload)?;
            let (version, device, compiler) = (Collected::VERSION, here.name.clone(), compiler.to_owned());
            let head = CollectedHead { version, workload, networks: Vec::new(), device, compiler, space };
            Collected { head, programs: Vec::new() }
        };
        ensure!(
            set.head.device == here.name && set.head.compiler == compiler,
            "{}: was measured on {} by {}; take another folder here",
            path.display(),
            set.head.device,
            set.head.compiler
        );
        for network in networks {
            if !set.head.networks.contains(&network) {
                set.head.networks.push(network);
            }
        }
        let domain = Domain::new(set.head.space.clone());
        let mut history = History::default();
        set.programs.iter().for_each(|program| history.push(trial(program)));
        let breed = Evolution::new(BRED, Box::new(Trees::new(TreesOptions::ANSOR)));
        Ok(Self { path, set, domain, history, breed })
    }

    /// Measures some more, up to so many in all; says how many.
    fn round(&mut self, most: usize, cpu: &mut Cpu, rng: &mut ChaCha8Rng) -> Result<usize> {
        let n = ROUND.min(most.saturating_sub(self.history.len()));
        let bred = self.set.programs.iter().filter(|program| program.evolved).count();
        let evolved = 2 * bred < self.history.len();
        let points: Vec<Point> = match evolved {
            true => {
                let mut points = self.breed.ask(Situation { domain: &self.domain, history: &self.history }, n, rng)?;
                points.retain(|point| !self.history.has(point));
                points
            }
            false => self.domain.sample_new(n, |point| self.history.has(point), rng),
        };
        if points.is_empty() {
            return Ok(0);
        }
        let space = self.domain.space();
        let schedules = points.iter().map(|point| space.schedule(point)).collect::<Result<Vec<_>, _>>()?;
        cpu.be_patient(patience_ms(self.history.best_ms()));
        let records = cpu.measure(&self.set.head.workload, &schedules)?;
        for (point, record) in points.into_iter().zip(&records) {
            // The beginning says why; compilers say much.
            let outcome = Known::of(record).outcome.map_err(|why| why.chars().take(160).collect());
            let program = CollectedProgram { point, outcome, evolved };
            self.history.push(trial(&program));
            self.set.programs.push(program);
        }
        self.set.write(&self.path)?;
        Ok(records.len())
    }
}

fn trial(program: &CollectedProgram) -> Trial {
    Trial { point: program.point.clone(), outcome: program.outcome.clone().map(|timed| timed.ms) }
}
