//! Measures on this machine's processor.

use std::path::{Path, PathBuf};

use super::{
    Compiler, Failure, Measurer, Record, Settings,
    bench::{Backend, Bench},
};
use crate::{Nest, Result, Schedule, Target, Workload, c};

/// Compiles candidates with the system's compiler and runs them on this machine's processor.
pub struct Cpu {
    bench: Bench,
    target: Target,
}

impl Cpu {
    /// With this compiler.
    ///
    /// # Errors
    /// No place for files; the program that runs candidates cannot be compiled.
    pub fn new(compiler: Compiler, settings: Settings) -> Result<Self> {
        Ok(Self { bench: Bench::new(compiler, settings)?, target: Target::native() })
    }

    /// The compiler.
    pub fn compiler(&self) -> &Compiler {
        &self.bench.compiler
    }

    /// With so many candidates compiled at a time, rather than one for each core: for several measurers in a process, of which one
    /// compiles while another's candidates are timed.
    #[must_use]
    pub fn with_compilers(mut self, compilers: usize) -> Self {
        self.bench.compilers = compilers;
        self
    }

    /// Code for other vectors than this machine's widest.
    #[must_use]
    pub fn with_target(self, target: Target) -> Self {
        Self { target, ..self }
    }
}

impl Measurer for Cpu {
    fn measure(&mut self, workload: &Workload, schedules: &[Schedule]) -> Result<Vec<Record>> {
        let native = self.bench.native(self.target);
        self.bench.measure(workload, schedules, &native)
    }

    fn be_patient(&mut self, ms: f64) {
        self.bench.settings.patience_ms = ms;
    }
}

/// C, compiled to libraries.
pub(super) struct Native {
    pub compiler: Compiler,
    pub target: Target,
    pub runner: PathBuf,
    pub threads: u32,
}

impl Backend for Native {
    fn build(&self, nest: &Nest, path: &Path) -> Result<u64, (Failure, String)> {
        let code = c(nest, self.target).map_err(|error| (Failure::Code, error.to_string()))?;
        self.compiler.library(&code, path).map_err(|error| (Failure::Compiler, error.to_string()))?;
        Ok(code.work_bytes)
    }

    fn runner(&self) -> &Path {
        &self.runner
    }

    fn flushes(&self) -> bool {
        true
    }

    // A process a candidate would take longer than most candidates; a bad one is found by running its neighbours alone.
    fn together(&self) -> usize {
        8
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![("OMP_NUM_THREADS", self.threads.to_string()), ("OMP_PROC_BIND", "true".into())]
    }

    fn device(&self) -> String {
        device()
    }

    fn compiler(&self) -> String {
        self.compiler.name()
    }
}

/// What the processor calls itself.
fn device() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(": "));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}
