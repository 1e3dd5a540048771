//! What all measurers that run candidates in child processes share: inputs, references, checks, turns.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
    mpsc,
};

use serde::{Deserialize, Serialize};

use super::{
    Compiler, Failure, Limits, Outcome, Record,
    child::{self, Ended},
    cpu::Native,
    elements,
    reference::Reference,
};
use crate::{Data, Error, Nest, Result, Schedule, Target, Workload, WorkloadHash};

/// How it is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Threads of parallel loops.
    pub threads: u32,
    /// Milliseconds that a candidate runs before it is timed.
    pub warmup_ms: f64,
    /// Milliseconds of a repeat, at least.
    pub repeat_ms: f64,
    /// Repeats; those of all candidates of a call take turns. With 0 outputs are checked, and there are no times.
    pub repeats: u32,
    /// A candidate whose run takes longer than so many milliseconds is not repeated: what is far from the best needs no exact time.
    /// With 0 all are.
    pub patience_ms: f64,
    /// Bytes that are written before each run, so that it starts with cold caches; with 0 caches are warm.
    pub flush_bytes: u64,
    /// Largest difference from the reference, as a part of the reference's largest number.
    pub tolerance: f64,
    /// What a candidate may use.
    pub limits: Limits,
    /// Where the numbers that it is run on come from.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: 1,
            warmup_ms: 10.0,
            repeat_ms: 5.0,
            repeats: 7,
            patience_ms: 0.0,
            flush_bytes: 0,
            tolerance: 1e-4,
            limits: Limits { seconds: 10, mebibytes: 0 },
            seed: 0,
        }
    }
}

/// How a nest becomes something that a runner runs.
pub(super) trait Backend: Sync {
    /// Writes what the runner needs at `path`, and gives the size of the workspace.
    fn build(&self, nest: &Nest, path: &Path) -> Result<u64, (Failure, String)>;
    /// The program that runs candidates.
    fn runner(&self) -> &Path;
    /// What its environment has besides.
    fn environment(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// True where writing to memory makes caches cold.
    fn flushes(&self) -> bool {
        false
    }
    /// How many candidates are run in one process to check their outputs.
    fn together(&self) -> usize {
        1
    }
    /// On what it runs.
    fn device(&self) -> String;
    /// By what it is compiled.
    fn compiler(&self) -> String;
}

/// A candidate that is built.
pub(super) struct Built {
    path: PathBuf,
    nest: Nest,
    work_bytes: u64,
    /// Nanoseconds of the run that checked it, or 0.
    first: f64,
}

/// A candidate, unless it failed.
type Made = Result<Built, (Failure, String)>;

/// What a run wrote, and its nanoseconds.
type Ran = Result<(Data, f64), (Failure, String)>;

/// Candidates that take turns in one process: those of a usual round, and what they are held against.
const TOGETHER: usize = 24;

/// Held while candidates are timed, by whichever measurer of this process.
static TIMED: Mutex<()> = Mutex::new(());

/// A place where candidates are measured.
pub(super) struct Bench {
    pub compiler: Compiler,
    pub settings: Settings,
    /// How many candidates are compiled at a time.
    pub compilers: usize,
    dir: tempfile::TempDir,
    pub references: HashMap<WorkloadHash, Reference>,
    count: u64,
}

impl Bench {
    pub fn new(compiler: Compiler, settings: Settings) -> Result<Self> {
        let dir = tempfile::tempdir().map_err(Error::io(Path::new("temporary directory")))?;
        // As many threads compile as there are cores: nothing is timed before all candidates of a call are built.
        let compilers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let bench = Self { compiler, settings, compilers, dir, references: HashMap::new(), count: 0 };
        bench.program("native", &[include_str!("native.c")])?;
        Ok(bench)
    }

    /// Compiles a program that runs candidates by what is special to it.
    pub fn program(&self, name: &str, special: &[&str]) -> Result<PathBuf> {
        let source = self.dir.path().join(format!("{name}.c"));
        let text = [&[include_str!("candidate.c")], special, &[include_str!("runner.c")]].concat().concat();
        std::fs::write(&source, text).map_err(Error::io(&source))?;
        let program = self.dir.path().join(name);
        self.compiler.program(&source, &program)?;
        Ok(program)
    }

    /// The backend for this machine's processor.
    pub fn native(&self, target: Target) -> Native {
        let (compiler, threads) = (self.compiler.clone(), self.settings.threads);
        Native { compiler, target, runner: self.dir.path().join("native"), threads }
    }

    /// Runs candidates once, or for times.
    fn run(&self, candidates: &[(&Built, &Path)], outputs: bool, repeats: u32, backend: &dyn Backend) -> Ended {
        use std::fmt::Write;
        let s = &self.settings;
        let flush = s.flush_bytes * u64::from(backend.flushes());
        let mut spec =
            format!("{flush} {} {} {repeats} {}\n", s.warmup_ms * 1e6, s.repeat_ms * 1e6, s.patience_ms * 1e6);
        for (built, inputs) in candidates {
            let sizes = |ids: &[crate::BufferId]| -> String {
                ids.iter().map(|&id| format!(" {}", built.nest.buffer(id).bytes())).collect()
            };
            let (given, made) = (&built.nest.inputs, &built.nest.outputs);
            let output = if outputs { built.path.with_extension("out").display().to_string() } else { "-".into() };
            let _ = writeln!(
                spec,
                "{} {} {} {}{} {output} {}{}",
                built.path.display(),
                built.work_bytes,
                inputs.display(),
                given.len(),
                sizes(given),
                made.len(),
                sizes(made)
            );
        }
        let path = self.dir.path().join(format!("spec{}", self.count));
        if let Err(error) = std::fs::write(&path, spec) {
            return Ended::Badly(error.to_string());
        }
        let seconds = s.limits.seconds * candidates.len().max(1) as u64;
        let limits = Limits { seconds, ..s.limits };
        let ended = child::run(backend.runner(), &[path.display().to_string()], &backend.environment(), limits);
        let _ = std::fs::remove_file(path);
        ended
    }

    pub fn build(
        &self,
        workload: &Workload,
        schedule: &Schedule,
        path: &Path,
        backend: &dyn Backend,
    ) -> Result<Built, (Failure, String)> {
        let nest = schedule.lower(workload).map_err(|error| (Failure::Schedule, error.to_string()))?;
        if nest.inputs.len() + nest.outputs.len() > 64 {
            return Err((Failure::Code, "there are more than 64 arguments".into()));
        }
        let work_bytes = backend.build(&nest, path)?;
        Ok(Built { path: path.into(), nest, work_bytes, first: 0.0 })
    }

    /// Writes a candidate's inputs as it expects them, runs it once, and reads what came out.
    pub fn outputs(&self, built: &Built, given: &Data, backend: &dyn Backend) -> Ran {
        let inputs = self.give(built, given)?;
        match self.run(&[(built, &inputs)], true, 0, backend) {
            Ended::Well(text) => Ok((made(built)?, nanoseconds(text.lines().next()))),
            Ended::Badly(message) => Err((reason(&message), message)),
            Ended::Late => Err((Failure::Hang, format!("more than {} s", self.settings.limits.seconds))),
        }
    }

    /// The same for several: in one process if all goes well, else each half by itself, so that a bad one is soon alone.
    fn outputs_of(&self, several: &[Built], given: &Data, backend: &dyn Backend) -> Vec<Ran> {
        match several {
            [] => return Vec::new(),
            [one] => return vec![self.outputs(one, given, backend)],
            _ => {}
        }
        let inputs: Result<Vec<PathBuf>, _> = several.iter().map(|built| self.give(built, given)).collect();
        if let Ok(inputs) = inputs {
            let candidates: Vec<(&Built, &Path)> = several.iter().zip(&inputs).map(|(b, i)| (b, i.as_path())).collect();
            if let Ended::Well(text) = self.run(&candidates, true, 0, backend) {
                let mut lines = text.lines();
                return several.iter().map(|built| Ok((made(built)?, nanoseconds(lines.next())))).collect();
            }
        }
        let (first, second) = several.split_at(several.len() / 2);
        [first, second].into_iter().flat_map(|half| self.outputs_of(half, given, backend)).collect()
    }

    /// Times of candidates that take turns; each alone where they cannot go together, so that a bad one is the only one that
    /// fails.
    fn timed(&self, candidates: &[(usize, &Built, PathBuf)], backend: &dyn Backend) -> Vec<(usize, Outcome)> {
        let together: Vec<(&Built, &Path)> =
            candidates.iter().map(|(_, built, inputs)| (*built, inputs.as_path())).collect();
        let (reason, message) = match self.run(&together, false, self.settings.repeats, backend) {
            Ended::Well(text) => {
                let times =
                    |line: &str| line.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<f64>>();
                let timed = candidates.iter().zip(text.lines().map(times)).filter(|(_, times)| !times.is_empty());
                return timed.map(|((i, ..), times)| (*i, Outcome::of(times))).collect();
            }
            Ended::Badly(message) => (Failure::Crash, message),
            Ended::Late => (Failure::Hang, format!("more than {} s", self.settings.limits.seconds)),
        };
        match candidates {
            [(i, ..)] => vec![(*i, Outcome::Failed { reason, message })],
            _ => candidates.iter().flat_map(|one| self.timed(std::slice::from_ref(one), backend)).collect(),
        }
    }

    /// Writes the inputs of a candidate, and says where.
    fn give(&self, built: &Built, given: &Data) -> Result<PathBuf, (Failure, String)> {
        let inputs = built.path.with_extension("in");
        let mut bytes = Vec::new();
        for &id in &built.nest.inputs {
            let buffer = built.nest.buffer(id);
            let data = given.get(&id).map_or(&[][..], Vec::as_slice);
            bytes.extend(elements::packed(buffer, data).map_err(|error| (Failure::Code, error.to_string()))?);
        }
        std::fs::write(&inputs, bytes).map_err(|error| (Failure::Crash, error.to_string()))?;
        Ok(inputs)
    }

    pub fn path(&mut self, what: &str) -> PathBuf {
        self.count += 1;
        self.dir.path().join(format!("{what}{}.so", self.count))
    }

    /// Measures candidates; what a [`super::Measurer`] does.
    pub fn measure(
        &mut self,
        workload: &Workload,
        schedules: &[Schedule],
        backend: &dyn Backend,
    ) -> Result<Vec<Record>> {
        let hash = self.reference(workload)?;
        let paths: Vec<PathBuf> = schedules.iter().map(|_| self.path("kernel")).collect();
        let this = &*self;
        // While those threads compile, this one runs what is ready.
        let threads = this.compilers.clamp(1, schedules.len().max(1));
        let next = AtomicUsize::new(0);
        let mut checked: Vec<(usize, Made)> = std::thread::scope(|scope| {
            let (send, receive) = mpsc::sync_channel(4);
            for _ in 0..threads {
                let (send, next, paths) = (send.clone(), &next, &paths);
                scope.spawn(move || {
                    let take = || Some(next.fetch_add(1, Ordering::Relaxed));
                    for i in std::iter::from_fn(take).take_while(|&i| i < schedules.len()) {
                        if send.send((i, this.build(workload, &schedules[i], &paths[i], backend))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(send);
            let given = |hash| this.references.get(&hash).map(|reference| &reference.given);
            let given = given(hash).cloned().unwrap_or_default();
            let mut checked = Vec::new();
            let mut received = receive.into_iter();
            loop {
                let some: Vec<_> = received.by_ref().take(backend.together()).collect();
                if some.is_empty() {
                    return checked;
                }
                let (good, bad): (Vec<_>, Vec<_>) = some.into_iter().partition(|(_, built)| built.is_ok());
                let (places, good): (Vec<usize>, Vec<Built>) =
                    good.into_iter().filter_map(|(i, built)| Some((i, built.ok()?))).unzip();
                let outputs = this.outputs_of(&good, &given, backend);
                let ran = good.into_iter().zip(outputs).map(|(built, ran)| {
                    let (outputs, first) = ran?;
                    this.check(hash, &outputs)?;
                    Ok(Built { first, ..built })
                });
                checked.extend(places.into_iter().zip(ran).chain(bad));
            }
        });
        checked.sort_by_key(|(i, _)| *i);
        let checked: Vec<Made> = checked.into_iter().map(|(_, built)| built).collect();
        let patience = this.settings.patience_ms * 1e6;
        let slow = |built: &Built| patience > 0.0 && built.first > patience;
        let good = (0..checked.len()).filter(|&i| checked[i].as_ref().is_ok_and(|built| !slow(built)));
        let good: Vec<usize> = good.collect();
        let mut outcomes: Vec<Outcome> = checked
            .iter()
            .map(|built| match built {
                Ok(_) if this.settings.repeats == 0 => Outcome::of(Vec::new()),
                // The run that checked it says enough.
                Ok(built) if slow(built) => Outcome::of(vec![built.first]),
                Ok(_) => Outcome::Failed { reason: Failure::Crash, message: "gave no time".into() },
                Err((reason, message)) => Outcome::Failed { reason: *reason, message: message.clone() },
            })
            .collect();
        // Bystanders may compile, but two candidates at a time would wait for the same memory.
        let _alone = TIMED.lock().unwrap_or_else(PoisonError::into_inner);
        for some in good.chunks(TOGETHER).filter(|_| this.settings.repeats > 0) {
            let candidates: Vec<(usize, &Built, PathBuf)> = some
                .iter()
                .filter_map(|&i| Some((i, checked[i].as_ref().ok()?, paths[i].with_extension("in"))))
                .collect();
            for (i, outcome) in this.timed(&candidates, backend) {
                outcomes[i] = outcome;
            }
        }
        for path in &paths {
            for extension in ["so", "c", "launch", "in"] {
                let _ = std::fs::remove_file(path.with_extension(extension));
            }
        }
        let caches = match self.settings.flush_bytes * u64::from(backend.flushes()) {
            0 => "warm".to_owned(),
            bytes => format!("{bytes} bytes written"),
        };
        let record = |(schedule, outcome): (&Schedule, Outcome)| Record {
            version: Record::VERSION,
            workload: hash,
            name: workload.name().into(),
            schedule: schedule.clone(),
            outcome,
            device: backend.device(),
            compiler: backend.compiler(),
            threads: self.settings.threads,
            caches: caches.clone(),
        };
        Ok(schedules.iter().zip(outcomes).map(record).collect())
    }
}

/// What a candidate has written.
fn made(built: &Built) -> Result<Data, (Failure, String)> {
    let path = built.path.with_extension("out");
    let bytes = std::fs::read(&path).map_err(|error| (Failure::Crash, error.to_string()))?;
    let _ = std::fs::remove_file(path);
    elements::outputs(&built.nest, &bytes).map_err(|error| (Failure::Wrong, error.to_string()))
}

/// A line of a runner as a time.
fn nanoseconds(line: Option<&str>) -> f64 {
    line.and_then(|line| line.trim().parse().ok()).unwrap_or(0.0)
}

/// Why a runner ended as it did.
fn reason(message: &str) -> Failure {
    match message {
        _ if message.starts_with("exit status: 4") => Failure::Compiler,
        _ if message.starts_with("exit status: 5") => Failure::Launch,
        _ => Failure::Crash,
    }
}
