//! Writes into a checkpoint what each of its outputs has seen of its training set: those from before format 5 do not say.
//!
//! ```sh
//! cargo run -p tachograph-research --bin seen -- research/recipes/learned-roofline.toml crates/predict/checkpoints/timm.safetensors
//! ```

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Result, ensure};
use clap::Parser;
use tachograph_datasets::Part;
use tachograph_predict::{Checkpoint, FORMAT};
use tachograph_research::exit;
use tachograph_train::{RunConfig, record_seen};

/// Record what the outputs of a checkpoint have seen
#[derive(Parser)]
struct Args {
    /// The run that it was trained by.
    config: PathBuf,
    /// The checkpoint, which is changed.
    checkpoint: PathBuf,
}

fn main() -> ExitCode {
    exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let (config, mut checkpoint) = (RunConfig::load(&args.config)?, Checkpoint::load(&args.checkpoint)?);
    let corpus = config.corpus()?;
    let division = config.split.divide(&corpus)?;
    let (ours, theirs) = (&division.hash, &checkpoint.manifest.training.split);
    ensure!(
        ours == theirs,
        "the config divides networks otherwise (split {ours}) than the checkpoint was trained on ({theirs})"
    );
    record_seen(&mut checkpoint.manifest, &corpus, &division.members(Part::Train))?;
    checkpoint.manifest.format = FORMAT;
    checkpoint.save(&args.checkpoint)?;
    for output in &checkpoint.manifest.outputs {
        println!("{}: {:?}", output.title(), output.seen);
    }
    Ok(())
}
