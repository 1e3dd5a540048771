//! Reads every model file of a folder of checkouts; see [`tachograph_research::public_files`].

use std::process::ExitCode;

use clap::Parser;
use tachograph_research::{exit, public_files};

fn main() -> ExitCode {
    exit(|| public_files::run(&public_files::Args::parse()))
}
