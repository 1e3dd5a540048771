//! How well a measurement repeats; see [`tachograph_research::repeatability`].

use std::process::ExitCode;

use clap::Parser;
use tachograph_research::{exit, repeatability};

fn main() -> ExitCode {
    exit(|| repeatability::run(&repeatability::Args::parse()))
}
