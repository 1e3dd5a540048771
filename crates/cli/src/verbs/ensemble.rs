//! `tachograph ensemble`.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;
use tachograph_predict::Checkpoint;

use crate::{exit, table};

/// Make one checkpoint of several trainings that differ in their seeds; it predicts their mean
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// Checkpoints of one config, data and split.
    #[arg(required = true)]
    checkpoints: Vec<PathBuf>,
    /// Where the ensemble goes.
    #[arg(long)]
    out: PathBuf,
    /// The outcome as a JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let members = args.checkpoints.iter().map(|path| Checkpoint::load(path)).collect::<Result<Vec<_>, _>>()?;
    Checkpoint::ensemble(&members)?.save(&args.out)?;
    let out = args.out.display().to_string();
    match args.json {
        true => table::json(&json!({ "checkpoint": out, "members": members.len() })),
        false => {
            out!("the mean of {}: {out}", members.len());
            Ok(())
        }
    }
}
