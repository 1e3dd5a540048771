//! Imports, binds and prices every ONNX file of some folders; see [`tachograph_research::survey`].

use std::process::ExitCode;

use clap::Parser;
use tachograph_research::{exit, survey};

fn main() -> ExitCode {
    exit(|| survey::run(&survey::Args::parse()))
}
