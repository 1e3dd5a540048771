//! Prints what the graph around an operator is worth on an accelerator.

use std::process::ExitCode;

use clap::Parser;
use tachograph_research::{edge_parts, exit};

fn main() -> ExitCode {
    exit(|| edge_parts::run(&edge_parts::Args::parse()))
}
