//! Prints a table of `docs/results.md`.

use std::process::ExitCode;

use clap::Parser;
use tachograph_research::{exit, reproduce};

fn main() -> ExitCode {
    exit(|| reproduce::run(&reproduce::Args::parse()))
}
