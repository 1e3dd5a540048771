//! Measures on NVIDIA's GPUs.

use std::path::Path;

use super::{
    Compiler, Failure, Measurer, Nvrtc, Record, Settings,
    bench::{Backend, Bench},
    grid::{self, Device},
};
use crate::{GpuTarget, Nest, Result, Schedule, Workload, cuda};

/// Compiles candidates by NVRTC, and runs them on the first CUDA device by the driver's library. The program that does
/// so is C, so there must be a compiler.
pub struct Cuda {
    bench: Bench,
    device: Device,
    nvrtc: Nvrtc,
}

impl Cuda {
    /// With the driver's library, `libcuda.so.1`.
    ///
    /// # Errors
    /// No library, no device, or no C compiler that works.
    pub fn new(compiler: Compiler, nvrtc: Nvrtc, settings: Settings) -> Result<Self> {
        let bench = Bench::new(compiler, settings)?;
        let device = Device::ask(&bench, "CUDA", include_str!("cuda.c"), &[])?;
        Ok(Self { bench, device, nvrtc })
    }

    /// What the device is called.
    pub fn device(&self) -> &str {
        &self.device.name
    }

    /// Its architecture, as `sm_90`.
    pub fn architecture(&self) -> &str {
        &self.device.version
    }

    /// What it allows.
    pub fn target(&self) -> GpuTarget {
        self.device.target
    }
}

impl Measurer for Cuda {
    fn measure(&mut self, workload: &Workload, schedules: &[Schedule]) -> Result<Vec<Record>> {
        let Self { bench, device, nvrtc } = self;
        bench.measure(workload, schedules, &Driver { device, nvrtc })
    }
}

/// CUDA C, compiled beforehand.
struct Driver<'a> {
    device: &'a Device,
    nvrtc: &'a Nvrtc,
}

impl Backend for Driver<'_> {
    fn build(&self, nest: &Nest, path: &Path) -> Result<u64, (Failure, String)> {
        let code = cuda(nest, self.device.target).map_err(|error| (Failure::Code, error.to_string()))?;
        let image = self.nvrtc.compile(&code, &self.device.version);
        let image = image.map_err(|error| (Failure::Compiler, error.to_string()))?;
        grid::plan(nest, &code, path)?;
        grid::write(path, &image)?;
        Ok(0)
    }

    fn runner(&self) -> &Path {
        &self.device.runner
    }

    // A context takes a while to make.
    fn together(&self) -> usize {
        16
    }

    fn device(&self) -> String {
        self.device.name.clone()
    }

    fn compiler(&self) -> String {
        format!("NVRTC {} for {}", self.nvrtc.version(), self.device.version)
    }
}
