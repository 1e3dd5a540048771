//! The programs that building with libtorch and fetching it need.

use std::process::Command;

use super::error::{InstallError, Result};

/// The first line that `program args…` prints, or `None` where it cannot be run or fails.
pub fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok().filter(|o| o.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.to_owned())
}

/// The C++ compiler that compiles torch-sys, and its version: `$CXX`, else `c++`.
///
/// # Errors
/// Where there is none, with the command that installs one.
pub fn compiler() -> Result<String> {
    let program = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    let missing = || format!("no C++ compiler ({program}), which torch-sys needs: sudo apt-get install g++");
    first_line(&program, &["--version"]).ok_or_else(|| InstallError::Program(missing()))
}

/// The Python with pip that fetches the wheels, and the version of both.
///
/// # Errors
/// Where one is missing, with the command that installs it.
pub fn pip() -> Result<String> {
    let missing = |what: String, package: &str| {
        InstallError::Program(format!("{what}, which fetches libtorch: sudo apt-get install {package}"))
    };
    let python = first_line("python3", &["--version"])
        .ok_or_else(|| missing("no python3 with pip".into(), "python3 python3-pip"))?;
    let pip = first_line("python3", &["-m", "pip", "--version"])
        .ok_or_else(|| missing(format!("{python} has no pip"), "python3-pip"))?;
    Ok(format!("{python}, {}", pip.split(" from ").next().unwrap_or(&pip)))
}
