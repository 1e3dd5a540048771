//! Makes one checkpoint of several trainings that differ in their seeds; it predicts their mean.
//!
//!     cargo run --release --example ensemble -- runs/0/best.safetensors runs/1/best.safetensors --out ensemble.safetensors

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use tachograph_train::Predictor;
use tch::Device;

#[derive(Parser)]
#[command(about)]
struct Args {
    /// Checkpoints of one config, data and split.
    #[arg(required = true)]
    checkpoints: Vec<PathBuf>,
    /// Where the ensemble goes.
    #[arg(long)]
    out: PathBuf,
}

fn main() -> ExitCode {
    tachograph_examples_graphs::exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let members =
        args.checkpoints.iter().map(|path| Predictor::load(path, Device::Cpu)).collect::<Result<Vec<_>, _>>()?;
    Predictor::ensemble(&members)?.save(&args.out)?;
    println!("the mean of {}: {}", members.len(), args.out.display());
    Ok(())
}
