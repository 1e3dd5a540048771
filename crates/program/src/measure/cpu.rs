//! Measures on this machine's processor.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use tachograph_ir::DType;

use super::{
    Compiler, Failure, Limits, Measurer, Outcome, Record,
    child::{self, Ended},
    elements,
};
use crate::{CCode, Data, Error, Nest, Result, Role, Schedule, Target, Workload, WorkloadHash, c};

/// How it is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Threads of parallel loops.
    pub threads: u32,
    /// Milliseconds that a candidate runs before it is timed.
    pub warmup_ms: f64,
    /// Milliseconds of a repeat, at least.
    pub repeat_ms: f64,
    /// Repeats; those of all candidates of a call take turns.
    pub repeats: u32,
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
            flush_bytes: 0,
            tolerance: 1e-4,
            limits: Limits { seconds: 10, mebibytes: 0 },
            seed: 0,
        }
    }
}

/// Up to so many points a workload is run by its interpreter for reference; beyond, by plain code in double precision,
/// which is itself held to the interpreter by tests.
const INTERPRETED: u64 = 1 << 20;

struct Reference {
    given: Data,
    expected: Data,
}

/// Compiles candidates with the system's compiler and runs them on this machine's processor.
pub struct Cpu {
    compiler: Compiler,
    settings: Settings,
    target: Target,
    dir: tempfile::TempDir,
    references: HashMap<WorkloadHash, Reference>,
    count: u64,
}

/// A candidate that is compiled.
struct Built {
    library: PathBuf,
    nest: Nest,
    code: CCode,
}

impl Cpu {
    /// With this compiler.
    ///
    /// # Errors
    /// No place for files; the program that runs candidates cannot be compiled.
    pub fn new(compiler: Compiler, settings: Settings) -> Result<Self> {
        let dir = tempfile::tempdir().map_err(Error::io(Path::new("temporary directory")))?;
        let source = dir.path().join("runner.c");
        std::fs::write(&source, include_str!("runner.c")).map_err(Error::io(&source))?;
        compiler.program(&source, &dir.path().join("runner"))?;
        Ok(Self { compiler, settings, target: Target::native(), dir, references: HashMap::new(), count: 0 })
    }

    /// The compiler.
    pub fn compiler(&self) -> &Compiler {
        &self.compiler
    }

    /// Code for other vectors than this machine's widest.
    #[must_use]
    pub fn with_target(self, target: Target) -> Self {
        Self { target, ..self }
    }

    /// Runs candidates once, or for times.
    fn run(&self, candidates: &[(&Built, &Path)], outputs: bool, repeats: u32) -> Ended {
        use std::fmt::Write;
        let s = &self.settings;
        let mut spec = format!("{} {} {} {repeats}\n", s.flush_bytes, s.warmup_ms * 1e6, s.repeat_ms * 1e6);
        for (built, inputs) in candidates {
            let sizes = |ids: &[crate::BufferId]| -> String {
                ids.iter().map(|&id| format!(" {}", built.nest.buffer(id).bytes())).collect()
            };
            let (given, made) = (&built.nest.inputs, &built.nest.outputs);
            let output = if outputs { built.library.with_extension("out").display().to_string() } else { "-".into() };
            let _ = writeln!(
                spec,
                "{} {} {} {}{} {output} {}{}",
                built.library.display(),
                built.code.work_bytes,
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
        let env = [("OMP_NUM_THREADS", s.threads.to_string()), ("OMP_PROC_BIND", "true".into())];
        let seconds = s.limits.seconds * if repeats > 0 { candidates.len().max(1) as u64 } else { 1 };
        let limits = Limits { seconds, ..s.limits };
        let ended = child::run(&self.dir.path().join("runner"), &[path.display().to_string()], &env, limits);
        let _ = std::fs::remove_file(path);
        ended
    }

    fn build(&self, workload: &Workload, schedule: &Schedule, library: &Path) -> Result<Built, (Failure, String)> {
        let nest = schedule.lower(workload).map_err(|error| (Failure::Schedule, error.to_string()))?;
        let code = c(&nest, self.target).map_err(|error| (Failure::Code, error.to_string()))?;
        if nest.inputs.len() + nest.outputs.len() > 64 {
            return Err((Failure::Code, "there are more than 64 arguments".into()));
        }
        self.compiler.library(&code, library).map_err(|error| (Failure::Compiler, error.to_string()))?;
        Ok(Built { library: library.into(), nest, code })
    }

    /// Writes a candidate's inputs as it expects them, runs it once, and reads what came out.
    fn outputs(&self, built: &Built, given: &Data, inputs: &Path) -> Result<Data, (Failure, String)> {
        let mut bytes = Vec::new();
        for &id in &built.nest.inputs {
            let buffer = built.nest.buffer(id);
            let data = given.get(&id).map_or(&[][..], Vec::as_slice);
            bytes.extend(elements::packed(buffer, data).map_err(|error| (Failure::Code, error.to_string()))?);
        }
        std::fs::write(inputs, bytes).map_err(|error| (Failure::Crash, error.to_string()))?;
        match self.run(&[(built, inputs)], true, 0) {
            Ended::Well(_) => {}
            Ended::Badly(message) => return Err((Failure::Crash, message)),
            Ended::Late => return Err((Failure::Hang, format!("more than {} s", self.settings.limits.seconds))),
        }
        let path = built.library.with_extension("out");
        let bytes = std::fs::read(&path).map_err(|error| (Failure::Crash, error.to_string()))?;
        let _ = std::fs::remove_file(path);
        elements::outputs(&built.nest, &bytes).map_err(|error| (Failure::Wrong, error.to_string()))
    }

    /// Numbers for the inputs, and what must come out.
    fn reference(&mut self, workload: &Workload) -> Result<WorkloadHash> {
        let hash = workload.hash();
        if self.references.contains_key(&hash) {
            return Ok(hash);
        }
        let given = self.inputs(workload);
        let points: u64 = workload.stages().iter().map(crate::Stage::points).fold(0, u64::saturating_add);
        let expected = if points <= INTERPRETED {
            workload.run(&given)?
        } else {
            let wide = widened(workload);
            let library = self.path("reference");
            let failed = |(_, message): (Failure, String)| Error::data("reference", message);
            let built = self.build(&wide, &Schedule::new(), &library).map_err(failed)?;
            self.outputs(&built, &given, &library.with_extension("in")).map_err(failed)?
        };
        self.references.insert(hash, Reference { given, expected });
        Ok(hash)
    }

    fn path(&mut self, what: &str) -> PathBuf {
        self.count += 1;
        self.dir.path().join(format!("{what}{}.so", self.count))
    }

    fn inputs(&self, workload: &Workload) -> Data {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(self.settings.seed);
        let read = workload.inputs().filter(|&id| !workload.readers(id).is_empty());
        let mut given = Data::new();
        for id in read {
            let buffer = workload.buffer(id);
            let mut draw = || match (buffer.dtype, buffer.role) {
                (DType::Bool, _) => f64::from(rng.random_range(0..2u8)),
                (dtype, _) if dtype.is_integer() => f64::from(rng.random_range(0..4u8)),
                // Weights may be scales and variances, which are no smaller than 0.
                (_, Role::Weight) => f64::from(rng.random_range(0.0f32..1.0)),
                _ => f64::from(rng.random_range(-1.0f32..1.0)),
            };
            given.insert(id, (0..buffer.elements()).map(|_| draw()).collect());
        }
        given
    }

    fn check(&self, hash: WorkloadHash, outputs: &Data) -> Result<(), (Failure, String)> {
        let Some(reference) = self.references.get(&hash) else { return Ok(()) };
        for (id, found) in outputs {
            let expected = reference.expected.get(id).map_or(&[][..], Vec::as_slice);
            let scale = expected.iter().filter(|x| x.is_finite()).fold(0.0f64, |scale, x| scale.max(x.abs()));
            let wrong = expected.iter().zip(found).enumerate().find(|(_, (a, b))| {
                let same = a == b || (a.is_nan() && b.is_nan()) || (*a - *b).abs() <= self.settings.tolerance * scale;
                !same
            });
            if let Some((at, (a, b))) = wrong {
                return Err((Failure::Wrong, format!("{b} and not {a} at {at} of output {}", id.0)));
            }
        }
        Ok(())
    }
}

impl Measurer for Cpu {
    fn measure(&mut self, workload: &Workload, schedules: &[Schedule]) -> Result<Vec<Record>> {
        let hash = self.reference(workload)?;
        let paths: Vec<PathBuf> = schedules.iter().map(|_| self.path("kernel")).collect();
        let this = &*self;
        // One thread compiles while this one runs what is ready.
        let checked: Vec<Result<Built, (Failure, String)>> = std::thread::scope(|scope| {
            let (send, receive) = mpsc::sync_channel(4);
            let jobs = paths.clone();
            scope.spawn(move || {
                for (schedule, path) in schedules.iter().zip(jobs) {
                    if send.send(this.build(workload, schedule, &path)).is_err() {
                        return;
                    }
                }
            });
            let given = |hash| this.references.get(&hash).map(|reference| &reference.given);
            let check = |built: Result<Built, (Failure, String)>| {
                let built = built?;
                let Some(given) = given(hash) else { return Ok(built) };
                let outputs = this.outputs(&built, given, &built.library.with_extension("in"))?;
                this.check(hash, &outputs).map(|()| built)
            };
            receive.into_iter().map(check).collect()
        });
        let good: Vec<usize> = (0..checked.len()).filter(|&i| checked[i].is_ok()).collect();
        let mut outcomes: Vec<Outcome> = checked
            .iter()
            .map(|built| match built {
                Ok(_) => Outcome::Failed { reason: Failure::Crash, message: "gave no time".into() },
                Err((reason, message)) => Outcome::Failed { reason: *reason, message: message.clone() },
            })
            .collect();
        // So many take turns in one process.
        for some in good.chunks(16) {
            let inputs: Vec<PathBuf> = some.iter().map(|&i| paths[i].with_extension("in")).collect();
            let candidates: Vec<(&Built, &Path)> = some
                .iter()
                .zip(&inputs)
                .filter_map(|(&i, inputs)| Some((checked[i].as_ref().ok()?, inputs.as_path())))
                .collect();
            match this.run(&candidates, false, this.settings.repeats) {
                Ended::Well(text) => {
                    for (&i, line) in some.iter().zip(text.lines()) {
                        let times: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
                        if !times.is_empty() {
                            outcomes[i] = Outcome::of(times);
                        }
                    }
                }
                ended => {
                    let (reason, message) = match ended {
                        Ended::Badly(message) => (Failure::Crash, message),
                        _ => (Failure::Hang, "took too long with the others".into()),
                    };
                    some.iter().for_each(|&i| outcomes[i] = Outcome::Failed { reason, message: message.clone() });
                }
            }
        }
        for path in &paths {
            for extension in ["so", "c", "in"] {
                let _ = std::fs::remove_file(path.with_extension(extension));
            }
        }
        let caches = match self.settings.flush_bytes {
            0 => "warm".to_owned(),
            bytes => format!("{bytes} bytes written"),
        };
        let record = |(schedule, outcome): (&Schedule, Outcome)| Record {
            version: Record::VERSION,
            workload: hash,
            name: workload.name().into(),
            schedule: schedule.clone(),
            outcome,
            device: device(),
            compiler: format!("{} {}", self.compiler.version(), self.compiler.flags().join(" ")),
            threads: self.settings.threads,
            caches: caches.clone(),
        };
        Ok(schedules.iter().zip(outcomes).map(record).collect())
    }
}

/// The workload in double precision.
fn widened(workload: &Workload) -> Workload {
    let mut wide = workload.clone();
    for buffer in &mut wide.buffers {
        if buffer.dtype == DType::F32 {
            buffer.dtype = DType::F64;
        }
    }
    wide
}

/// What the processor calls itself.
fn device() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(": "));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}
