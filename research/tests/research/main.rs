//! The research programs, run as their users do, on data of the repository; those that need more are in [`with_data`].

#[cfg(feature = "torch")]
mod documented;
#[cfg(feature = "torch")]
mod few_shot;
#[cfg(feature = "torch")]
mod own;
mod public_files;
#[cfg(feature = "torch")]
mod recipes;
#[cfg(feature = "torch")]
mod reproduce;
mod streams;
mod surveys;
#[cfg(feature = "torch")]
mod with_data;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A path in the repository.
fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// What a program says: standard output and standard error.
struct Said {
    good: bool,
    out: String,
    err: String,
}

/// Runs a program with these words.
fn run(program: &str, words: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>) -> Said {
    let output = Command::new(program).args(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { good: output.status.success(), out: text(output.stdout), err: text(output.stderr) }
}

impl Said {
    /// Standard output of a program that went well.
    fn good(self) -> String {
        assert!(self.good, "{}", self.err);
        self.out
    }
}
