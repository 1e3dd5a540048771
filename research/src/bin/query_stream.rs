//! What a store saves over a stream of queries; see [`tachograph_research::query_stream`].

use std::process::ExitCode;

use clap::Parser;
use tachograph_research::{exit, query_stream};

fn main() -> ExitCode {
    exit(|| query_stream::run(&query_stream::Args::parse()))
}
