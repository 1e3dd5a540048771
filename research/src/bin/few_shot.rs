//! How well a checkpoint adapts to a measured device; see [`tachograph_research::few_shot`].

use std::process::ExitCode;

use clap::Parser;
use tachograph_research::{exit, few_shot};

fn main() -> ExitCode {
    exit(|| few_shot::run(&few_shot::Args::parse()))
}
