//! `tachograph evaluate`.

#[cfg(feature = "torch")]
mod run;

use std::path::PathBuf;

#[cfg(feature = "torch")]
pub use run::run;

/// Compare a trained model with baselines on its test set, or leave every family out in turn
#[derive(clap::Args)]
#[command(after_help = super::after_help())]
#[cfg_attr(not(feature = "torch"), allow(dead_code, reason = "help and the check of values alone"))]
pub struct Args {
    /// The run, as TOML.
    #[arg(long)]
    config: PathBuf,
    /// Directory of the run; training it is finished first if need be.
    #[arg(long)]
    out: PathBuf,
    /// Train once for each family, on all others, and test on it.
    #[arg(long)]
    families: bool,
    /// Device whose roofline is compared; see `tachograph devices`.
    #[arg(long, default_value = "xeon-spr-2c")]
    roofline: String,
    /// One JSON object a predictor, each on a line.
    #[arg(long)]
    json: bool,
}

#[cfg(not(feature = "torch"))]
pub fn run(_: &Args) -> anyhow::Result<()> {
    super::absent("evaluate")
}
