#![doc = include_str!("../README.md")]
// The example is a whole build script.
#![allow(clippy::needless_doctest_main)]

mod directives;
#[cfg(feature = "install")]
pub mod install;
#[cfg(feature = "runtime")]
mod runtime;

pub use directives::LinkError;
#[cfg(feature = "runtime")]
pub use runtime::{CudaError, load_cuda};

/// Tells cargo how this package's programs find libtorch when they start. For build scripts.
///
/// - The folder of libtorch becomes a run-time path (`rpath`) of every binary, test (documentation tests
///   too), example and bench.
/// - Where the folder holds `libtorch_cuda.so`, that is kept although no symbol of it is used; the linker would drop
///   it, and `tch::Cuda::is_available` would say no.
/// - A package with a `links` passes the folder on to those that depend on it directly.
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
    match directives::directives(&package, &os, directives::folder(std::env::vars_os())) {
        Ok(lines) => lines.iter().for_each(|line| println!("cargo::{line}")),
        Err(error) => println!("cargo::error={error}"),
    }
}
