//! What continuous integration runs.

mod outside;
mod packages;
mod suite;

use anyhow::{Context, Result, ensure};

use crate::libtorch;
use crate::tools::{cargo, output, run, tool};

pub use outside::follow;
pub use suite::test;

/// The crates whose front pages are followed by someone who has no checkout.
const OUTSIDE: [&str; 3] = ["predict", "gnn", "tachograph"];

/// `cargo xtask ci`.
pub fn ci() -> Result<()> {
    format()?;
    let packages = packages::all()?;
    packages::without_libtorch(&packages)?;
    libtorch::set_up_if_needed()?;
    clippy(suite::FEATURES)?;
    if suite::mpi().is_ok() {
        clippy(suite::FEATURES_AND_MPI)?;
    }
    run(cargo(["doc", "--workspace", "--no-deps"])?.env("RUSTDOCFLAGS", "-D warnings"))?;
    package(&packages)?;
    for dir in OUTSIDE {
        follow(dir)?;
    }
    test(false)
}

fn clippy(features: &str) -> Result<()> {
    run(&mut cargo(["clippy", "--workspace", "--all-targets", "--features", features, "--", "-D", "warnings"])?)
}

/// Checks the format of every file. `cargo fmt` does not see modules that a macro declares, as those of the registries are.
fn format() -> Result<()> {
    let files = output(&mut tool("git", ["ls-files", "*.rs"])?)?;
    let options = ["--check", "--edition", "2024", "--config-path", "rustfmt.toml"];
    eprintln!("+ rustfmt --check, every file");
    // Not by `run`, which would show six hundred names.
    let status = tool("rustfmt", options)?.args(files.lines()).status().context("cannot run rustfmt")?;
    ensure!(status.success(), "files above are not as rustfmt would have them");
    Ok(())
}

/// Checks that every published crate can be packaged.
fn package(packages: &[packages::Package]) -> Result<()> {
    let private = packages.iter().filter(|package| !package.published);
    let exclude = private.flat_map(|package| ["--exclude", &package.name]);
    let args = ["package", "--workspace", "--no-verify", "--allow-dirty"].into_iter().chain(exclude);
    run(&mut cargo(args)?)
}

/// `cargo xtask demo`.
pub fn demo() -> Result<()> {
    const MODEL: &str = "datasets/models/light_resnet50.onnx.gz";
    let program = ["run", "--quiet", "--release", "--package", "tachograph-cli"];
    // The prediction needs no libtorch, so it comes before that is fetched.
    run(&mut cargo(program.into_iter().chain(["--", "predict", MODEL]))?)?;
    libtorch::set_up_if_needed()?;
    run(&mut cargo(program.into_iter().chain(["--features", "torch", "--", "predict", MODEL, "--measure"]))?)
}
