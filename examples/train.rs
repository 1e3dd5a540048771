//! Trains a predictor as a TOML file says. Stopped, the same command goes on; see `docs/training.md`.
//!
//!     cargo run --release --example train -- --config examples/nnlp.toml --out runs/nnlp

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use serde_json::json;
use tachograph_examples::progress::{Mode, Progress};
use tachograph_train::{BEST, RunConfig, train_observed};

#[derive(Parser)]
#[command(about)]
struct Args {
    /// The run, as TOML.
    #[arg(long)]
    config: PathBuf,
    /// Directory of the run, new or begun.
    #[arg(long)]
    out: PathBuf,
    /// Another seed than the config's, for a member of an ensemble.
    #[arg(long)]
    seed: Option<u64>,
    /// How the run shows itself.
    #[arg(long, value_enum, default_value_t = Mode::Bar)]
    progress: Mode,
}

fn main() -> ExitCode {
    tachograph_examples_graphs::exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let mut config = RunConfig::load(&args.config)?;
    config.seed = args.seed.unwrap_or(config.seed);
    let mut progress = Progress::new(args.progress)?;
    let outcome = train_observed(&config, &args.out, &mut progress);
    progress.clear();
    let outcome = outcome?;
    let checkpoint = args.out.join(BEST);
    match args.progress {
        Mode::Quiet => {}
        Mode::Json => println!("{}", json!({ "outcome": outcome, "checkpoint": checkpoint })),
        Mode::Bar => {
            println!("split {}, seed {}, weights of epoch {}", outcome.split, config.seed, outcome.epoch);
            println!("validation\n{}\ntest, by family\n{}", outcome.validation, outcome.families);
            println!("checkpoint: {}", checkpoint.display());
        }
    }
    Ok(())
}
