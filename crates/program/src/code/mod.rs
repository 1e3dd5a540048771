//! Code from nests: C for GCC and Clang, OpenCL C and CUDA C for GPUs, by one generator that knows how they differ.

mod c;
mod dialect;
mod expr;
mod gpu;
mod intrinsic;
mod partition;
mod prelude;
mod reduction;
mod registers;
pub(crate) mod tally;
mod unroll;
mod vector;
mod writer;

pub use c::{CCode, GENERATION, Target, c};
pub use gpu::{GpuCode, GpuKernel, GpuTarget, cuda, opencl};
