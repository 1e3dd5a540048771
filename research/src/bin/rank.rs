//! The tables of what ranks configurations: of one graph of TpuGraphs, divided 80/10/10, or of a collection of this project's
//! own with families held out.
//!
//! ```sh
//! cargo run --release -p tachograph-research --bin rank -- alexnet --out runs/rank --seeds 3 --minutes 10
//! cargo run --release -p tachograph-research --bin rank -- tiles --data tiles --out runs/tiles
//! ```
//!
//! A training that was stopped goes on where it was; one that is over says what it said. `--minutes` bounds each training:
//! the weights that validated best until then are tested.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Result;
use clap::Parser;
use tachograph_research::{
    exit,
    ranking::{Row, Settings, Subject, head, line, outcome},
};

/// Train what ranks configurations, and print how it does on some that are held out
#[derive(Parser)]
struct Args {
    /// Which configurations.
    subject: Subject,
    /// Folder of the runs.
    #[arg(long)]
    out: PathBuf,
    /// Folder of the collection, or a graph in place of the published one, which is below TACHOGRAPH_DATA.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Rows; by default all, the baselines first.
    #[arg(long)]
    row: Vec<String>,
    /// Seeds of each, of weights and, of one graph, of the split.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Epochs of each.
    #[arg(long, default_value_t = 50)]
    epochs: u32,
    /// Steps of an epoch, of one graph; of many, each is there once.
    #[arg(long, default_value_t = 40)]
    steps: usize,
    /// Minutes of each training, at most; 0: any.
    #[arg(long, default_value_t = 0.0)]
    minutes: f64,
    /// Settings of all trainings that are others than those of the recipes, as TOML: `rate = 1e-3`.
    #[arg(long, default_value = "", hide_default_value = true)]
    change: String,
}

fn main() -> ExitCode {
    exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let data = args.subject.data(args.data.clone())?;
    let time = (args.minutes > 0.0).then(|| Duration::from_secs_f64(60.0 * args.minutes));
    let change = args.change.clone();
    let settings = Settings { epochs: args.epochs, steps: args.steps, time, change };
    println!("{}", head());
    let wanted = |row: &Row| args.row.is_empty() || args.row.iter().any(|name| name == row.name);
    for row in Row::all(args.subject).iter().filter(|row| wanted(row)) {
        let one = |seed| outcome(row, args.subject, &data, &args.out, seed, &settings);
        println!("{}", line(row.name, &(0..args.seeds).map(one).collect::<Result<Vec<_>>>()?));
    }
    Ok(())
}
