//! Prints the tables of `docs/results.md`, one a file.
//!
//!     cargo run --release --example reproduce -- timm-gpu --seeds 3

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

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Result, bail};
use clap::Parser;

/// Prints a table of `docs/results.md`.
#[derive(Parser)]
struct Args {
    /// The table.
    table: String,
    /// Seeds, from 0.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Folder of published sets; by default what `TACHOGRAPH_DATA` names.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Only the rows whose predictor's name begins so; give it several times for several.
    #[arg(long)]
    only: Vec<String>,
    /// Folder where trainings of networks are kept, to go on from and to print again without training.
    #[arg(long)]
    runs: Option<PathBuf>,
    /// A checkpoint on timm's settings that gets the intervals of families held out by the ensemble of several seeds.
    #[arg(long)]
    intervals: Option<PathBuf>,
    /// Only so many folds of the five, where a predictor takes long.
    #[arg(long, default_value_t = 5)]
    folds: usize,
    /// Seed of the division of `own-…` and `timm-…` tables into folds; those of the manifest have 0.
    #[arg(long, default_value_t = 0)]
    division: u64,
    /// Print every column (every setting, say) of each predictor as well.
    #[arg(long)]
    columns: bool,
}

impl Args {
    /// True for a predictor whose row is wanted.
    fn wants(&self, predictor: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|start| predictor.starts_with(start.as_str()))
    }
}

fn main() -> ExitCode {
    tachograph_examples_graphs::exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    tch::set_num_threads(1);
    match args.table.as_str() {
        "help-fbnet" => help::fbnet(args),
        "help-nb201" => help::nas_bench_201(args),
        "ncnn" => ncnn::table(args),
        "ncnn-rates" => ncnn::rates(args),
        "ncnn-unseen" => ncnn::unseen(args),
        "neusight" => neusight::table(args),
        "neusight-settings" => neusight::settings(args),
        "own-cpu" => own::tables(args, "cpu"),
        "own-gpu" => own::tables(args, "gpu"),
        "timm-device" => timm_device::table(args),
        table @ ("timm" | "timm-cpu" | "timm-gpu" | "timm-train") => timm::tables(args, table),
        table => bail!(
            "no table `{table}`; there are help-fbnet, help-nb201, ncnn, ncnn-rates, ncnn-unseen, neusight, neusight-settings, own-cpu, own-gpu, \
             timm-device, and timm-cpu, timm-gpu and timm-train, together timm"
        ),
    }
}
