//! Many plans of one network in one library: each kernel is compiled once, and plans are lists of calls. So hundreds of plans
//! are measured in the time that it takes to run them.

use std::{
    collections::HashMap,
    ffi::c_void,
    path::Path,
    time::{Duration, Instant},
};

use libloading::Library;
use tachograph_program::{Compiler, Memory};

use crate::{
    Error, Network, Result, Way,
    assemble::{Arg, Assembly, Place, Run},
    build,
    copy::Copied,
    elements::{Elements, Weights},
    made::Made,
    pool::SLACK,
    source,
};

type Unit = unsafe extern "C" fn(*const *mut c_void, *mut u8);

/// The library's table of kernels.
const TABLE: &str = "tachograph_table";

/// Runs of each plan at least where plans are timed in turns.
const RUNS: usize = 10;
/// How long that goes on.
const TIME: Duration = Duration::from_secs(2);

/// A call of a plan.
struct Call {
    what: What,
    /// The part that it is of, and which of the copies it is; `None` where results are handed over.
    of: Option<(usize, Option<usize>)>,
}

enum What {
    Kernel(Unit, Vec<*mut c_void>, *mut u8),
    Bytes { from: *const u8, to: *mut u8, bytes: usize },
}

impl Call {
    /// # Safety
    /// Addresses must be of memory as large as the assembly says, which nobody else uses meanwhile.
    unsafe fn run(&self) {
        // SAFETY: as above.
        unsafe {
            match &self.what {
                What::Kernel(unit, args, work) => unit(args.as_ptr(), *work),
                What::Bytes { from, to, bytes } => std::ptr::copy_nonoverlapping(*from, *to, *bytes),
            }
        }
    }
}

/// What a step of a plan took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// The part that it is of; copies are of the part that reads them.
    pub part: usize,
    /// Which of [`Bench::copied`]; `None` where it is a kernel.
    pub copied: Option<usize>,
    /// Milliseconds.
    pub ms: f64,
}

/// Plans that can be run.
pub struct Bench {
    /// In the order in which they were given; why not, where the compiler refuses a kernel of one.
    plans: Vec<Result<Vec<Call>, String>>,
    copied: Vec<Copied>,
    results: Vec<Vec<u8>>,
    // What calls point into.
    _memory: Vec<Memory>,
    _library: Library,
}

impl Bench {
    /// Compiles plans of a network, each one way for each part. Object files are kept in `folder` by what is in them.
    ///
    /// # Errors
    /// As [`compile`](crate::compile()), but for kernels that the compiler refuses: plans with those are not run.
    pub fn new(
        network: &Network<'_>,
        plans: &[Vec<Option<Way>>],
        weights: &Weights<'_>,
        compiler: &Compiler,
        folder: &Path,
    ) -> Result<Self> {
        let mut elements = Elements::new(network, weights, compiler);
        let mut made = Made::new(compiler);
        let mut assemblies = Vec::new();
        for taken in plans {
            let mut assembly = Assembly::of(network, taken, &mut elements, made, 1)?;
            made = std::mem::replace(&mut assembly.made, Made::new(compiler));
            assemblies.push(assembly);
        }
        let (mut files, mut table) =
            (Vec::new(), String::from("typedef void (*unit)(void *const *restrict, char *restrict);\n"));
        let mut places: HashMap<usize, Result<usize, String>> = HashMap::new();
        let mut names = Vec::new();
        for (unit, object) in build::objects(&made.units.files, compiler, folder)?.into_iter().enumerate() {
            let place = object.map(|file| {
                files.push(file);
                names.push(source::unit(&made.units.files[unit]));
                names.len() - 1
            });
            places.insert(unit, place);
        }
        names.iter().for_each(|name| table.push_str(&source::declaration(name)));
        let entries: String = names.iter().map(|name| format!("{name}_run, ")).collect();
        table.push_str(&format!("const unit {TABLE}[] = {{{entries}0}};\n"));
        let path = folder.join("bench.so");
        build::link(&files, &table, false, compiler, [folder, &path])?;
        let refuse =
            |error: libloading::Error| Error::Model { path: path.display().to_string(), message: error.to_string() };
        let whole = std::fs::canonicalize(&path).map_err(Error::io(&path))?;
        // SAFETY: the library was made above, and has no initialisers; its table has a function of this type for each name.
        let (library, units) = unsafe {
            let library = Library::new(whole).map_err(refuse)?;
            let table = *library.get::<*const Unit>(TABLE.as_bytes()).map_err(refuse)?;
            let units: Vec<Unit> = (0..names.len()).map(|i| *table.add(i)).collect();
            (library, units)
        };
        // It is open.
        let _ = std::fs::remove_file(&path);
        Ok(Self::over(network, &assemblies, &made, (library, &units, &places)))
    }

    /// Gives plans their memory: all the same, as one is run at a time.
    fn over(
        network: &Network<'_>,
        assemblies: &[Assembly],
        made: &Made,
        (library, units, places): (Library, &[Unit], &HashMap<usize, Result<usize, String>>),
    ) -> Self {
        let layouts: Vec<_> = assemblies.iter().map(Assembly::memory).collect();
        let bytes = layouts.iter().map(|(.., bytes)| *bytes).max().unwrap_or(0);
        let pool = &made.pool.bytes;
        let (arena, mut weights) = (Memory::new(bytes + SLACK), Memory::new(pool.len() as u64 + SLACK));
        weights.bytes()[..pool.len()].copy_from_slice(pool);
        let mut inputs: Vec<Memory> = network.stand_ins().iter().map(|data| Memory::of(data)).collect();
        let size = |&id: &_| network.shape(id).iter().product::<u64>() * network.element_bytes(id);
        let mut results: Vec<Vec<u8>> =
            network.bound.graph().outputs().iter().map(|id| vec![0; size(id) as usize]).collect();
        let mut copied = Vec::new();
        let mut calls = |assembly: &Assembly, offsets: &[u64], work: &[u64]| -> Result<Vec<Call>, String> {
            let address = |value: usize| {
                let (root, at) = assembly.root(value);
                match assembly.values[root].place {
                    Place::Input(i) => inputs[i].at(at),
                    Place::Weight(offset) => weights.at(offset + at),
                    Place::Own | Place::Within(..) => arena.at(offsets[root] + at),
                }
            };
            let mut calls = Vec::new();
            for (at, step) in assembly.steps.iter().enumerate() {
                let what = match &step.run {
                    Run::Bytes { from, to } => {
                        let bytes = assembly.values[*to].bytes as usize;
                        What::Bytes { from: address(*from), to: address(*to), bytes }
                    }
                    Run::Kernel { unit, args, .. } => {
                        let place = places.get(unit).cloned().unwrap_or_else(|| Err("it was not compiled".into()))?;
                        let argument = |arg: &Arg| match arg {
                            Arg::Value(value) => address(*value).cast(),
                            Arg::Weight(offset) => weights.at(*offset).cast(),
                        };
                        What::Kernel(units[place], args.iter().map(argument).collect(), arena.at(work[at]))
                    }
                };
                copied.extend(step.copied.clone());
                calls.push(Call { what, of: Some((step.part, step.copied.as_ref().map(|_| copied.len() - 1))) });
            }
            for (&value, result) in assembly.outputs.iter().zip(&mut results) {
                let what = What::Bytes { from: address(value), to: result.as_mut_ptr(), bytes: result.len() };
                calls.push(Call { what, of: None });
            }
            Ok(calls)
        };
        let plans =
            assemblies.iter().zip(&layouts).map(|(assembly, (offsets, work, _))| calls(assembly, offsets, work));
        let plans = plans.collect();
        inputs.extend([arena, weights]);
        Self { plans, copied, results, _memory: inputs, _library: library }
    }

    /// The copies of all plans.
    pub fn copied(&self) -> &[Copied] {
        &self.copied
    }

    /// Why a plan cannot be run.
    pub fn refused(&self, plan: usize) -> Option<&str> {
        self.plans.get(plan).and_then(|calls| calls.as_ref().err()).map(String::as_str)
    }

    /// Runs a plan; what it took, in milliseconds. `None` where it cannot be run.
    pub fn run(&mut self, plan: usize) -> Option<f64> {
        let calls = self.plans.get(plan)?.as_ref().ok()?;
        let start = Instant::now();
        for call in calls {
            // SAFETY: addresses are within memory that this value owns, as large as the plan's assembly says, and nobody else
            // uses it meanwhile; functions are of the library that it holds open.
            unsafe { call.run() };
        }
        Some(start.elapsed().as_secs_f64() * 1e3)
    }

    /// Runs a plan; what each of its steps took. `None` where it cannot be run.
    pub fn steps(&mut self, plan: usize) -> Option<Vec<Took>> {
        let calls = self.plans.get(plan)?.as_ref().ok()?;
        let mut last = Instant::now();
        let mut took = Vec::with_capacity(calls.len());
        for call in calls {
            // SAFETY: as in `run`.
            unsafe { call.run() };
            let now = Instant::now();
            if let Some((part, copied)) = call.of {
                took.push(Took { part, copied, ms: (now - last).as_secs_f64() * 1e3 });
            }
            last = now;
        }
        Some(took)
    }

    /// Has plans timed in turns, until their times have a median. Each is run before: what it then finds in the caches is its own, and
    /// not what the others' turns left there.
    pub(crate) fn in_turns(&mut self, mut time: impl FnMut(&mut Self, usize)) {
        let start = Instant::now();
        for _ in (0..).take_while(|&round| round < RUNS || start.elapsed() < TIME) {
            for plan in 0..self.plans.len() {
                self.run(plan);
                time(self, plan);
            }
        }
    }

    /// The outputs of the last run, as they lie in memory, row-major.
    pub fn results(&self) -> &[Vec<u8>] {
        &self.results
    }
}
