//! How the programs end.

use std::process::ExitCode;

use anyhow::Result;

/// Runs a program: one line on standard error and exit code 1 for an error, and a quiet end where the reader of its
/// output has gone (`| head`).
pub fn exit(run: impl FnOnce() -> Result<()>) -> ExitCode {
    #[cfg(unix)]
    // SAFETY: restores what the system does by default, before any thread is started.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
