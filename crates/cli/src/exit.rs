//! How the program ends.

use std::{fmt, process::ExitCode};

use anyhow::{Error, Result};

/// For `--help`.
pub const CODES: &str = "Exit codes: 0 all went well; 1 the work failed (a bad file, an unknown device, …), with a line \
                         on standard error that says why; 2 the command line makes no sense.";

/// Runs a verb: an error is one line on standard error and exit code 1, and where the reader of the output has gone
/// (`| head`) the program ends quietly.
pub fn with(run: impl FnOnce() -> Result<()>) -> ExitCode {
    #[cfg(unix)]
    // SAFETY: restores what the system does by default, before any thread is started.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is::<Said>() {
                say(&error);
            }
            ExitCode::from(1)
        }
    }
}

/// Stands for errors that [`each`] has printed.
#[derive(Debug)]
struct Said;

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("some of it failed")
    }
}

impl std::error::Error for Said {}

/// Does all of `items`, the others too where one fails.
///
/// # Errors
/// At least one failed; what went wrong is on standard error.
pub fn each<T>(items: impl IntoIterator<Item = T>, mut work: impl FnMut(T) -> Result<()>) -> Result<()> {
    let mut failed = false;
    for item in items {
        if let Err(error) = work(item) {
            failed = true;
            if !error.is::<Said>() {
                say(&error);
            }
        }
    }
    if failed { Err(Said.into()) } else { Ok(()) }
}

fn say(error: &Error) {
    // A cause that the message before it quotes, or that says it again, is not said twice.
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if cause.starts_with(&text) {
            text = cause;
        } else if !text.contains(&cause) {
            text += ": ";
            text += &cause;
        }
    }
    eprintln!("error: {text}");
}
