//! Measuring: candidates are compiled and run in child processes, and every output is checked.

mod child;
mod compiler;
mod cpu;
mod elements;
mod kernel;
mod record;

pub use child::Limits;
pub use compiler::Compiler;
pub use cpu::{Cpu, Settings};
pub use kernel::Kernel;
pub use record::{Failure, Measurer, Outcome, Record};
