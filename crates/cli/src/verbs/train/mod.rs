//! `tachograph train`.

#[cfg(feature = "torch")]
mod run;

use std::path::PathBuf;

#[cfg(feature = "torch")]
pub use run::run;

/// Train a predictor as a TOML file says; stopped, the same command goes on (docs/training.md)
#[derive(clap::Args)]
#[command(after_help = super::after_help())]
#[cfg_attr(not(feature = "torch"), allow(dead_code, reason = "help and the check of values alone"))]
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

#[cfg(not(feature = "torch"))]
pub fn run(_: &Args) -> anyhow::Result<()> {
    super::absent("train")
}
