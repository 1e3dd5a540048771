//! Prints the tables of `docs/results.md`, one a file.
//!
//! ```sh
//! cargo run --release -p tachograph-research --bin reproduce -- timm-gpu --seeds 3
//! ```

mod edge;
mod help;
mod intervals;
mod ncnn;
mod networks;
mod neusight;
mod own;
mod rows;
mod spaces;
mod timm;
mod timm_device;

use std::{path::PathBuf, sync::OnceLock, time::Instant};

use anyhow::{Context, Result};
use clap::{Parser, builder::PossibleValuesParser};

/// The name of a table, and what prints it.
type Table = (&'static str, fn(&Args) -> Result<()>);

const TABLES: [Table; 15] = [
    ("edge", edge::tables),
    ("help-fbnet", help::fbnet),
    ("help-nb201", help::nas_bench_201),
    ("ncnn", ncnn::table),
    ("ncnn-rates", ncnn::rates),
    ("ncnn-unseen", ncnn::unseen),
    ("neusight", neusight::table),
    ("neusight-settings", neusight::settings),
    ("own-cpu", |args| own::tables(args, "cpu")),
    ("own-gpu", |args| own::tables(args, "gpu")),
    ("timm", |args| timm::tables(args, None)),
    ("timm-cpu", |args| timm::tables(args, Some("timm-cpu"))),
    ("timm-device", timm_device::table),
    ("timm-gpu", |args| timm::tables(args, Some("timm-gpu"))),
    ("timm-train", |args| timm::tables(args, Some("timm-train"))),
];

/// Prints a table of `docs/results.md`.
#[derive(Parser)]
pub struct Args {
    /// The table; `timm` is `timm-cpu`, `timm-gpu` and `timm-train` together.
    #[arg(value_parser = PossibleValuesParser::new(TABLES.iter().map(|(name, _)| name)))]
    table: String,
    /// Seeds, from 0.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Folder of published sets; by default what `TACHOGRAPH_DATA` names.
    #[arg(long)]
    data: Option<PathBuf>,
    /// For `edge`: a set of real files, labelled with `--fill bell` (docs/results.md#edge).
    #[arg(long)]
    files: Option<PathBuf>,
    /// Only the rows whose predictor's name begins so; give it several times for several.
    #[arg(long)]
    only: Vec<String>,
    /// Folder where trainings of networks are kept, to go on from and to print again without training.
    #[arg(long)]
    runs: Option<PathBuf>,
    /// A checkpoint that gets the intervals of families held out: on timm's settings of the ensemble of several seeds, of
    /// `edge` those of our network.
    #[arg(long)]
    intervals: Option<PathBuf>,
    /// Only so many folds of the five, where a predictor takes long.
    #[arg(long, default_value_t = 5)]
    folds: usize,
    /// Seed of the division of `own-…` and `timm-…` tables into folds; those of the manifest have 0.
    #[arg(long, default_value_t = 0)]
    division: u64,
    /// Epochs of trainings of networks, where the recipes' own take too long: the rows then say less than they could.
    #[arg(long)]
    epochs: Option<u32>,
    /// Minutes after which no further training begins; what is left out is said, and done by the same command later.
    #[arg(long)]
    minutes: Option<f64>,
    /// Print every column (every setting, say) of each predictor as well.
    #[arg(long)]
    columns: bool,
}

/// When the program started to work.
static START: OnceLock<Instant> = OnceLock::new();

impl Args {
    /// Whether the time for trainings is over.
    fn is_over(&self) -> bool {
        let start = START.get_or_init(Instant::now);
        self.minutes.is_some_and(|minutes| start.elapsed().as_secs_f64() > 60.0 * minutes)
    }

    /// True for a predictor whose row is wanted.
    fn wants(&self, predictor: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|start| predictor.starts_with(start.as_str()))
    }
}

/// Prints the table.
///
/// # Errors
/// Data that are missing or damaged.
pub fn run(args: &Args) -> Result<()> {
    START.get_or_init(Instant::now);
    tch::set_num_threads(1);
    let (_, table) = TABLES.iter().find(|(name, _)| *name == args.table).context("no such table")?;
    table(args)
}
