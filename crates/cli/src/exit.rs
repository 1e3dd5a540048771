//! How the program ends.

use std::{
    fmt,
    io::{self, ErrorKind, Write},
    process::ExitCode,
    sync::Mutex,
};

use anyhow::{Context, Error, Result};
use tachograph_ir::Plain;

/// For `--help`.
pub const CODES: &str = "Exit codes: 0 all went well; 1 the work failed (a bad file, an unknown device, …), with a line \
                         on standard error that says why; 2 the command line makes no sense. Where the reader of the \
                         output has gone (`| head`) the program ends quietly by SIGPIPE, which a shell shows as 141.";

/// Why standard output could not be written, the first time.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// A line on standard output. One that cannot be written is an error at the end ([`with`]).
macro_rules! out {
    ($($part:tt)*) => { $crate::exit::write(&format!("{}\n", format_args!($($part)*))) };
}

/// Text on standard output, as [`out!`] writes a line.
pub fn write(text: &str) {
    let mut lost = LOST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if lost.is_none() {
        let mut to = io::stdout().lock();
        *lost = to.write_all(text.as_bytes()).and_then(|()| to.flush()).err();
    }
}

/// Whether all output was written.
fn written() -> Result<()> {
    match LOST.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take() {
        None => Ok(()),
        // Without SIGPIPE, as on Windows.
        Some(error) if error.kind() == ErrorKind::BrokenPipe => Err(Said.into()),
        Some(error) => Err(error).context("cannot write to standard output"),
    }
}

/// Runs a verb: an error is one line on standard error and exit code 1, output that could not be written too; and where
/// the reader of the output has gone (`| head`) the program ends quietly.
pub fn with(run: impl FnOnce() -> Result<()>) -> ExitCode {
    #[cfg(unix)]
    // SAFETY: restores what the system does by default, before any thread is started.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
    // In this order: what `run` could not write is known after it.
    match each([run(), written()], |done| done) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Usage>() => {
            say(&error);
            ExitCode::from(2)
        }
        Err(_) => ExitCode::from(1),
    }
}

/// Stands for errors that [`each`] has printed, and for one that is better not.
#[derive(Debug)]
struct Said;

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("some of it failed")
    }
}

impl std::error::Error for Said {}

/// A command line that makes no sense, found after it was parsed: exit code 2.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Does all of `items`, the others too where one fails.
///
/// # Errors
/// At least one failed; what went wrong is on standard error. Or [`Usage`], which is as wrong for the others.
pub fn each<T>(items: impl IntoIterator<Item = T>, mut work: impl FnMut(T) -> Result<()>) -> Result<()> {
    let mut failed = false;
    for item in items {
        if let Err(error) = work(item) {
            if error.is::<Usage>() {
                return Err(error);
            }
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
    eprintln!("error: {}", Plain(&text));
}

/// A line on standard error about what was assumed, or what to know before trusting an answer.
pub fn warn(text: &str) {
    eprintln!("warning: {}", Plain(text));
}
