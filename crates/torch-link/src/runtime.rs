//! CUDA for a program that was linked without it.

use std::path::PathBuf;

use thiserror::Error;

/// Why CUDA could not be added to the running program.
#[derive(Debug, Error)]
pub enum CudaError {
    /// The loader refused `libtorch_cuda.so`, or a library that it needs is missing.
    #[error("cannot load {}: {reason}; `tachograph-libtorch init --cuda` installs all that CUDA needs", library.display())]
    Load {
        /// What was asked for last.
        library: PathBuf,
        /// The loader's message.
        reason: String,
    },
    /// There is no such library on this operating system.
    #[error("CUDA cannot be added at run time on this operating system")]
    Unsupported,
}

/// Loads `libtorch_cuda.so` into the running program (`dlopen` with `RTLD_NOW | RTLD_GLOBAL`), for as long as it runs.
///
/// **Call it before anything asks libtorch about CUDA** (`tch::Cuda::is_available`, `Device::cuda_if_available`, a
/// tensor on a CUDA device): the first question fixes the answer, and a program that asked too early has no CUDA until
/// it ends. A program that was linked with CUDA may call it; then it changes nothing.
///
/// The library is looked for on the program's run-time path, and then in the folder that `libtorch_cpu.so` really
/// came from. Success means that CUDA is loaded; whether there is a driver and a GPU, `tch::Cuda::is_available` says.
///
/// # Errors
/// [`CudaError::Load`] with the loader's message: with the CPU wheels alone, for instance, that cuDNN is missing.
#[cfg(target_os = "linux")]
pub fn load_cuda() -> Result<(), CudaError> {
    const NAME: &str = "libtorch_cuda.so";
    let mut failure = None;
    for library in [PathBuf::from(NAME)].into_iter().chain(loaded_from("libtorch_cpu.so").map(|d| d.join(NAME))) {
        match open(&library) {
            Ok(()) => return Ok(()),
            Err(reason) => failure = Some(CudaError::Load { library, reason }),
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Elsewhere there is nothing to load.
///
/// # Errors
/// Always [`CudaError::Unsupported`].
#[cfg(not(target_os = "linux"))]
pub fn load_cuda() -> Result<(), CudaError> {
    Err(CudaError::Unsupported)
}

#[cfg(target_os = "linux")]
fn open(library: &std::path::Path) -> Result<(), String> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
    // SAFETY: the library's initialisers register CUDA with libtorch and touch nothing of ours.
    let library = unsafe { Library::open(Some(library), RTLD_NOW | RTLD_GLOBAL) }.map_err(|error| {
        // Which library is missing stands in the cause.
        std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
    })?;
    // What it registered must stay valid to the end of the program.
    std::mem::forget(library);
    Ok(())
}

/// The folder, links resolved, of a library that this process has mapped.
#[cfg(target_os = "linux")]
fn loaded_from(name: &str) -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps.lines().filter_map(|line| line.find('/').and_then(|at| line.get(at..)));
    path.map(PathBuf::from).find(|p| p.file_name().is_some_and(|f| f == name))?.parent().map(Into::into)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_names_the_remedy() {
        let message = load_cuda().unwrap_err().to_string();
        assert!(message.contains("libtorch_cuda.so: cannot open shared object file"), "{message}");
        assert!(message.contains("tachograph-libtorch init --cuda"), "{message}");
    }

    #[test]
    fn mapped_libraries_are_found() {
        assert!(loaded_from("libc.so.6").is_some_and(|dir| dir.join("libc.so.6").exists()));
        assert_eq!(loaded_from("libnothing.so"), None);
    }
}
