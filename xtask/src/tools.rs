//! The programs that set-up and checks call.

use std::ffi::OsStr;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::root;

/// The first line that `program args…` prints, or `None` where it cannot be run or fails.
pub fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok().filter(|o| o.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.to_owned())
}

/// The C++ compiler that compiles torch-sys, and its version: `$CXX`, else `c++`.
pub fn compiler() -> Result<String> {
    let program = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    first_line(&program, &["--version"])
        .with_context(|| format!("no C++ compiler ({program}), which torch-sys needs: sudo apt-get install g++"))
}

/// The Python with pip that fetches the wheels, and the version of both.
pub fn pip() -> Result<String> {
    let python = first_line("python3", &["--version"])
        .context("no python3, whose pip fetches libtorch: sudo apt-get install python3 python3-pip")?;
    let pip = first_line("python3", &["-m", "pip", "--version"])
        .with_context(|| format!("{python} has no pip, which fetches libtorch: sudo apt-get install python3-pip"))?;
    Ok(format!("{python}, {}", pip.split(" from ").next().unwrap_or(&pip)))
}

/// `cargo`, in the root of the checkout.
pub fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root()?);
    Ok(command)
}

/// Runs `command`, showing it and what it prints.
pub fn run(command: &mut Command) -> Result<()> {
    let line = shown(command);
    eprintln!("+ {line}");
    let status = command.status().with_context(|| format!("cannot run {line}"))?;
    if !status.success() {
        bail!("{line}: {status}");
    }
    Ok(())
}

/// What `command` prints to standard output.
pub fn output(command: &mut Command) -> Result<String> {
    let line = shown(command);
    let output = command.output().with_context(|| format!("cannot run {line}"))?;
    if !output.status.success() {
        bail!("{line}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let program = program.file_stem().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
