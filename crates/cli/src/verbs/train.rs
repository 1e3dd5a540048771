//! `tachograph train`.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;
use tachograph_train::{BEST, RunConfig, train_observed};

use crate::{exit, progress::Progress, table};

/// Train a predictor as a TOML file says; stopped, the same command goes on (docs/training.md)
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// The run, as TOML.
    #[arg(long)]
    config: PathBuf,
    /// Directory of the run, new or begun.
    #[arg(long)]
    out: PathBuf,
    /// Another seed than the config's, for a member of an ensemble.
    #[arg(long)]
    seed: Option<u64>,
    /// JSON lines instead of a report: an object an epoch (`epoch`), a notice (`notice`), and the outcome (`outcome`,
    /// `checkpoint`).
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let mut config = RunConfig::load(&args.config)?;
    config.seed = args.seed.unwrap_or(config.seed);
    let mut progress = Progress::new(args.json)?;
    let outcome = train_observed(&config, &args.out, &mut progress);
    progress.clear();
    let (outcome, checkpoint) = (outcome?, args.out.join(BEST));
    if args.json {
        return table::json(&json!({ "outcome": outcome, "checkpoint": checkpoint }));
    }
    out!("split {}, seed {}, weights of epoch {}", outcome.split, config.seed, outcome.epoch);
    out!("validation\n{}\ntest, by family\n{}", outcome.validation, outcome.families);
    out!("checkpoint: {}", checkpoint.display());
    Ok(())
}
