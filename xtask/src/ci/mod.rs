//! What continuous integration runs.

mod outside;
mod packages;
mod suite;

use anyhow::Result;

use crate::libtorch;
use crate::tools::{cargo, run};

pub use outside::follow;
pub use suite::test;

/// The crates whose front pages are followed by someone who has no checkout.
const OUTSIDE: [&str; 2] = ["gnn", "tachograph"];

/// `cargo xtask ci`.
pub fn ci() -> Result<()> {
    run(&mut cargo(["fmt", "--all", "--check"])?)?;
    let packages = packages::all()?;
    packages::without_libtorch(&packages)?;
    libtorch::set_up_if_needed()?;
    run(&mut cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?)?;
    run(cargo(["doc", "--workspace", "--no-deps"])?.env("RUSTDOCFLAGS", "-D warnings"))?;
    package(&packages)?;
    for dir in OUTSIDE {
        follow(dir)?;
    }
    test(false)
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
    libtorch::set_up_if_needed()?;
    let model = "datasets/models/light_resnet50.onnx.gz";
    run(&mut cargo([
        "run",
        "--release",
        "-p",
        "tachograph-examples",
        "--example",
        "predict",
        "--",
        model,
        "--measure",
    ])?)
}
