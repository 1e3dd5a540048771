//! Measures on an OpenCL device: a GPU, or this machine's processor by PoCL.

use std::path::Path;

use super::{
    Compiler, Failure, Measurer, Record, Settings,
    bench::{Backend, Bench},
    grid::{self, Device},
};
use crate::{GpuTarget, Nest, Result, Schedule, Workload, opencl};

/// Runs candidates as OpenCL C on the first device of the system's OpenCL library, `libOpenCL.so.1` or what
/// `TACHOGRAPH_OPENCL` names. The programs that do so are C, so there must be a compiler.
pub struct OpenCl {
    bench: Bench,
    device: Device,
}

impl OpenCl {
    /// With the system's library.
    ///
    /// # Errors
    /// No library, no device, or no C compiler that works.
    pub fn new(compiler: Compiler, settings: Settings) -> Result<Self> {
        let bench = Bench::new(compiler, settings)?;
        let device = Device::ask(&bench, "OpenCL", include_str!("opencl.c"), &environment())?;
        Ok(Self { bench, device })
    }

    /// What the device is called.
    pub fn device(&self) -> &str {
        &self.device.name
    }

    /// What it allows.
    pub fn target(&self) -> GpuTarget {
        self.device.target
    }
}

impl Measurer for OpenCl {
    fn measure(&mut self, workload: &Workload, schedules: &[Schedule]) -> Result<Vec<Record>> {
        let timed = self.bench.settings.repeats > 0;
        self.bench.measure(workload, schedules, &Driver { device: &self.device, timed })
    }
}

/// PoCL keeps what it has compiled; candidates are compiled once.
fn environment() -> Vec<(&'static str, String)> {
    vec![("POCL_KERNEL_CACHE", "0".into())]
}

/// OpenCL C, compiled by the device's driver as it is run.
struct Driver<'a> {
    device: &'a Device,
    timed: bool,
}

impl Backend for Driver<'_> {
    fn build(&self, nest: &Nest, path: &Path) -> Result<u64, (Failure, String)> {
        let code = opencl(nest, self.device.target).map_err(|error| (Failure::Code, error.to_string()))?;
        grid::plan(nest, &code, path)?;
        grid::write(path, code.text.as_bytes())?;
        Ok(0)
    }

    fn runner(&self) -> &Path {
        &self.device.runner
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let untimed = (!self.timed).then(|| ("TACHOGRAPH_UNTIMED", "1".to_owned()));
        environment().into_iter().chain(untimed).collect()
    }

    // Starting a driver's compiler takes far longer than compiling with it.
    fn together(&self) -> usize {
        64
    }

    fn device(&self) -> String {
        self.device.name.clone()
    }

    fn compiler(&self) -> String {
        self.device.version.clone()
    }
}
