//! See [`tachograph_research::programs`].

use std::process::ExitCode;

use clap::Parser;
use tachograph_research::{exit, programs};

fn main() -> ExitCode {
    exit(|| programs::run(&programs::Args::parse()))
}
