//! The table of run times of kernels from their graphs alone.
//!
//! ```sh
//! cargo run --release -p tachograph-research --bin tile_graphs -- --out runs/tile-graphs
//! ```

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use tachograph_research::{
    exit, spread,
    tile_graphs::{Kernels, ROWS, Score},
};

/// Predict the mean normalised run time of TpuGraphs' kernels from their operators and edges
#[derive(Parser)]
struct Args {
    /// Folder of the runs.
    #[arg(long)]
    out: PathBuf,
    /// Folder of the published sets; by default what TACHOGRAPH_DATA names.
    #[arg(long)]
    root: Option<PathBuf>,
    /// Seeds of each, of weights and split.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
}

fn main() -> ExitCode {
    exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let root = args.root.clone().or_else(|| std::env::var_os("TACHOGRAPH_DATA").map(PathBuf::from));
    let root = root.context("TACHOGRAPH_DATA names no folder of the published sets")?;
    let sets = (0..args.seeds).map(|seed| Kernels::open(&root, seed)).collect::<Result<Vec<_>>>()?;
    for (seed, kernels) in sets.iter().enumerate() {
        let ([training, validation, test], twins) = kernels.told();
        println!(
            "Seed {seed}: {training}, {validation} and {test} kernels, {:.0} % of the last have a twin.",
            100.0 * twins
        );
    }
    println!("\n| row | Spearman's ρ | MAPE, % |\n|---|--:|--:|");
    for (i, (name, row)) in ROWS.iter().enumerate() {
        let one =
            |(seed, kernels): (usize, &Kernels)| kernels.score(row, &args.out.join(format!("{i}-{seed}")), seed as u64);
        let scores = sets.iter().enumerate().map(one).collect::<Result<Vec<Score>>>()?;
        let ranks: Vec<f64> = scores.iter().filter_map(|score| score.spearman).collect();
        let errors: Vec<f64> = scores.iter().map(|score| 100.0 * score.mape).collect();
        println!("| {name} | {} | {} |", spread(&ranks, 3), spread(&errors, 1));
    }
    Ok(())
}
