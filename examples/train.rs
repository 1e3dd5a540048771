//! Trains a predictor as a TOML file says. Stopped, it goes on after its last finished epoch.
//!
//!     cargo run --release --example train -- --config runs/nnlp.toml --out runs/nnlp

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use tachograph_train::{RunConfig, train};

#[derive(Parser)]
#[command(about)]
struct Args {
    /// The run, as TOML.
    #[arg(long)]
    config: PathBuf,
    /// Directory of the run, new or begun.
    #[arg(long)]
    out: PathBuf,
}

fn main() -> ExitCode {
    tachograph_examples_graphs::exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let config = RunConfig::load(&args.config)?;
    let style = ProgressStyle::with_template("{wide_bar} epoch {pos}/{len}, {eta} left  {msg}")?;
    let bar = ProgressBar::new(config.epochs.into()).with_style(style);
    let outcome = train(&config, &args.out, |epoch| {
        bar.set_position(epoch.epoch.into());
        bar.set_message(format!("loss {:.4}, validation MAPE {:.2} %", epoch.loss, epoch.validation_mape));
    })?;
    bar.finish_and_clear();
    println!("split {}, seed {}, weights of epoch {}", outcome.split, config.seed, outcome.epoch);
    println!("validation\n{}\ntest\n{}", outcome.validation, outcome.test);
    println!("checkpoint: {}", args.out.join(tachograph_train::BEST).display());
    Ok(())
}
