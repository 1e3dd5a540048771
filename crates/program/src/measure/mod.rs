//! Measuring: candidates are compiled and run in child processes, and every output is checked.

mod bench;
mod child;
mod compiler;
mod cpu;
mod cuda;
mod elements;
mod grid;
mod kernel;
mod memory;
mod nvrtc;
mod opencl;
mod record;
mod reference;

pub use bench::Settings;
pub use child::Limits;
pub use compiler::Compiler;
pub use cpu::Cpu;
pub use cuda::Cuda;
pub use kernel::Kernel;
pub use memory::Memory;
pub use nvrtc::Nvrtc;
pub use opencl::OpenCl;
pub use record::{Failure, Measurer, Outcome, Record};
