//! `tachograph tune`.

mod recorded;

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;
use tachograph_tune::{DEFAULT, TUNERS, tuner};

use crate::{args, exit, table};

/// Search a space of configurations for the fastest; so far spaces that were recorded, which stand for the hardware
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// A table of measured configurations (CSV, also gzip'd): a column for each parameter, `time_ms`, and perhaps
    /// `device`, `task`, `valid`, `error`.
    #[arg(long, value_name = "FILE", required_unless_present = "list", conflicts_with = "list")]
    recorded: Option<PathBuf>,
    /// The device of the table; may be left out where there is but one.
    #[arg(long)]
    device: Option<String>,
    /// The task of the table; may be left out where there is but one.
    #[arg(long)]
    task: Option<String>,
    /// The tuner; --list says which there are.
    #[arg(long, default_value = DEFAULT)]
    tuner: String,
    /// Measurements, at most as many as the space has points.
    #[arg(long, default_value_t = 100, value_parser = args::count)]
    trials: usize,
    /// Repetitions, with the seeds 0, 1, 2, ….
    #[arg(long, default_value_t = 1, value_parser = args::count)]
    seeds: usize,
    /// List the tuners, what they are and where they come from.
    #[arg(long)]
    list: bool,
    /// One JSON object for each trial, each on a line.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    match &args.recorded {
        Some(path) => recorded::run(args, path, tuner(&args.tuner)?),
        None => list(args.json),
    }
}

fn list(json: bool) -> Result<()> {
    if json {
        return TUNERS.iter().try_for_each(|tuner| {
            table::json(&json!({
                "tuner": tuner.name,
                "default": tuner.name == DEFAULT,
                "about": tuner.about,
                "source": tuner.source,
            }))
        });
    }
    let row = |tuner: &tachograph_tune::Tuner| [tuner.name.to_owned(), tuner.about.to_owned(), tuner.source.to_owned()];
    table::table(&["tuner", "is", "source"], &TUNERS.iter().map(row).collect::<Vec<_>>());
    out!("{DEFAULT} is taken where none is named");
    Ok(())
}
