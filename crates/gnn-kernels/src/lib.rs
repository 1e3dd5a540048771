//! Kernels in C++ under the layers of `tachograph-gnn`, on the CPU. Whoever writes layers needs nothing from here:
//! `tachograph_gnn::Adjacency` calls these where [`serves`] says so, and libtorch's own operations elsewhere.
//!
//! - [`sum`], [`extremum`], [`softmax_sum`] and [`softmax`]: segment operations in one pass over the edges where
//!   libtorch's own make several, in f32 and f64, with their gradients (`native/segments.cpp`).
//! - [`MatrixUnit`]: dense products in f32 on the AMX unit, with the feature `amx` (`native/gemm.cpp`, `linear.cpp`).
//! - [`backward`]: a backward pass that says when each gradient is whole (`native/backward.cpp`).
//!
//! Where there is no C++ compiler for the target (Windows, docs.rs) the crate builds without them and serves nothing.

mod backward;
mod products;
mod segments;
mod surface;

pub use backward::backward;
pub use products::MatrixUnit;
pub use segments::{Pattern, extremum, serves, softmax, softmax_sum, sum};
