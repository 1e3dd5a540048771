//! Measures on an OpenCL device: a GPU, or this machine's processor by PoCL.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::{
    Compiler, Failure, Limits, Measurer, Record, Settings,
    bench::{Backend, Bench},
    child::{self, Ended},
};
use crate::{BufferId, Error, GpuTarget, Nest, Result, Schedule, Workload, opencl};

/// Runs candidates as OpenCL C on the first device of the system's OpenCL library, `libOpenCL.so.1` or what
/// `TACHOGRAPH_OPENCL` names. The programs that do so are C, so there must be a compiler.
pub struct OpenCl {
    bench: Bench,
    runner: PathBuf,
    device: String,
    version: String,
    target: GpuTarget,
}

impl OpenCl {
    /// With the system's library.
    ///
    /// # Errors
    /// No library, no device, or no C compiler that works.
    pub fn new(compiler: Compiler, settings: Settings) -> Result<Self> {
        // The caches are those of the device, and are left as they are.
        let settings = Settings { flush_bytes: 0, ..settings };
        let bench = Bench::new(compiler, settings)?;
        let runner = bench.program("opencl", include_str!("opencl.c"))?;
        let refuse = |message: String| Error::Compiler { compiler: "OpenCL".into(), message };
        let text = match child::run(&runner, &[], &environment(), Limits { seconds: 60, mebibytes: 0 }) {
            Ended::Well(text) => text,
            Ended::Badly(message) => return Err(refuse(message)),
            Ended::Late => return Err(refuse("its library does not answer".into())),
        };
        let mut lines = text.lines().map(str::to_owned);
        let (device, version) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let numbers: Vec<u64> = lines.filter_map(|line| line.trim().parse().ok()).collect();
        let [threads, shared_bytes] = numbers[..] else { return Err(refuse(format!("it says {text}"))) };
        let target = GpuTarget { threads, shared_bytes, ..GpuTarget::default() };
        Ok(Self { bench, runner, device, version, target })
    }

    /// What the device is called.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// What it allows.
    pub fn target(&self) -> GpuTarget {
        self.target
    }
}

impl Measurer for OpenCl {
    fn measure(&mut self, workload: &Workload, schedules: &[Schedule]) -> Result<Vec<Record>> {
        let Self { bench, runner, device, version, target } = self;
        bench.measure(workload, schedules, &Grid { runner, device, version, target: *target })
    }
}

/// PoCL keeps what it has compiled; candidates are compiled once.
fn environment() -> Vec<(&'static str, String)> {
    vec![("POCL_KERNEL_CACHE", "0".into())]
}

/// OpenCL C, compiled by the device's driver as it is run.
struct Grid<'a> {
    runner: &'a Path,
    device: &'a str,
    version: &'a str,
    target: GpuTarget,
}

impl Backend for Grid<'_> {
    fn build(&self, nest: &Nest, path: &Path) -> Result<u64, (Failure, String)> {
        let code = opencl(nest, self.target).map_err(|error| (Failure::Code, error.to_string()))?;
        // Arguments by their numbers: inputs and outputs as the runner has them, then what nobody gives.
        let owned: Vec<BufferId> = nest.owned().collect();
        let all: Vec<BufferId> = nest.inputs.iter().chain(&nest.outputs).chain(&owned).copied().collect();
        let mut text = format!("{}", owned.len());
        owned.iter().for_each(|&id| text += &format!(" {}", nest.buffer(id).bytes()));
        let kernels: Vec<_> = code.kernels.iter().filter(|k| !k.launch.blocks.contains(&0)).collect();
        let _ = writeln!(text, "\n{}", kernels.len());
        for kernel in kernels {
            let ([bx, by, bz], [tx, ty, tz]) = (kernel.launch.blocks, kernel.launch.threads);
            let _ = write!(text, "{} {} {bx} {by} {bz} {tx} {ty} {tz}", kernel.name, u8::from(kernel.prepare));
            let _ = write!(text, " {}", kernel.arguments.len());
            for id in &kernel.arguments {
                let _ = write!(text, " {}", all.iter().position(|other| other == id).unwrap_or(0));
            }
            text.push('\n');
        }
        let write = |path: &Path, text: &str| {
            std::fs::write(path, text).map_err(|error| (Failure::Code, format!("{}: {error}", path.display())))
        };
        write(&path.with_extension("launch"), &text)?;
        write(path, &code.text)?;
        Ok(0)
    }

    fn runner(&self) -> &Path {
        self.runner
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        environment()
    }

    // Starting a driver's compiler takes far longer than compiling with it.
    fn together(&self) -> usize {
        16
    }

    fn device(&self) -> String {
        self.device.to_owned()
    }

    fn compiler(&self) -> String {
        self.version.to_owned()
    }
}
