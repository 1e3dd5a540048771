//! Lets programs that use `tch` start without `LD_LIBRARY_PATH`.
//!
//! Cargo hands a link argument to the binaries, tests, examples and benches of the package whose build script asked
//! for it, and to no other package. So what `torch-sys` knows about libtorch's folder never reaches a program further
//! up, and that program stops at its start with "cannot open shared object file". Each *leaf* package (anything with
//! something to run) therefore calls [`link`] in its own build script:
//!
//! ```no_run
//! // build.rs
//! fn main() {
//!     tachograph_torch_link::link();
//! }
//! ```
//!
//! and names two packages in its `Cargo.toml`. `torch-sys` is needed as a **direct** dependency because cargo passes
//! its metadata (`DEP_TCH_LIBTORCH_LIB`, the folder of the libraries) to immediate dependents only:
//!
//! ```toml
//! [dependencies]
//! torch-sys = "=0.24.0"
//!
//! [build-dependencies]
//! tachograph-torch-link = "0.1"
//! ```
//!
//! This works for each way in which `torch-sys` finds libtorch: `LIBTORCH`, `LIBTORCH_USE_PYTORCH`, `LIBTORCH_LIB`, or
//! `/usr/lib`.
//!
//! With the feature `runtime` there is also `load_cuda`, which adds CUDA to a program that was linked without it.

// The example is a whole build script.
#![allow(clippy::needless_doctest_main)]

mod directives;
#[cfg(feature = "runtime")]
mod runtime;

use std::path::PathBuf;

pub use directives::LinkError;
#[cfg(feature = "runtime")]
pub use runtime::{CudaError, load_cuda};

/// Tells cargo how this package's programs find libtorch when they start. For build scripts.
///
/// - The folder of libtorch becomes a run-time path (`rpath`) of every binary, test (documentation tests
///   too), example and bench.
/// - Where the folder holds `libtorch_cuda.so`, that is kept although no symbol of it is used; the linker would drop
///   it, and `tch::Cuda::is_available` would say no.
///
/// Anything wrong becomes a build error of one line ([`LinkError`]). On docs.rs, which has no libtorch and links
/// nothing, this does nothing; nor on systems other than Linux and macOS, where there is no such path.
pub fn link() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("DOCS_RS").is_some() {
        return;
    }
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let lib = std::env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from);
    match directives::directives(&package, &os, lib) {
        Ok(lines) => lines.iter().for_each(|line| println!("cargo::{line}")),
        Err(error) => println!("cargo::error={error}"),
    }
}
