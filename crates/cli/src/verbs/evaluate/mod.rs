//! `tachograph evaluate`.

#[cfg(feature = "torch")]
mod extrapolate;
#[cfg(feature = "torch")]
mod run;

use std::path::PathBuf;

#[cfg(feature = "torch")]
pub use run::run;

/// Compare a trained model with baselines on its test set, or leave every family out in turn; or a checkpoint with the
/// labels of a set that it was not trained on
#[derive(clap::Args)]
#[command(after_help = super::after_help())]
#[cfg_attr(not(feature = "torch"), allow(dead_code, reason = "help and the check of values alone"))]
pub struct Args {
    /// The run, as TOML.
    #[arg(long, required_unless_present = "checkpoint")]
    config: Option<PathBuf>,
    /// Directory of the run; training it is finished first if need be. With `--checkpoint`, the folder of the report and its
    /// plots.
    #[arg(long, required_unless_present = "checkpoint")]
    out: Option<PathBuf>,
    /// A checkpoint, instead of a run.
    #[arg(long, conflicts_with_all = ["config", "families"], requires = "on")]
    checkpoint: Option<PathBuf>,
    /// The set that the checkpoint is evaluated on: a folder, a table or the name of a published set.
    #[arg(long, requires = "checkpoint")]
    on: Option<PathBuf>,
    /// Devices of the checkpoint, with commas; by default all that the set has. `TRAINED=MEASURED` compares predictions of
    /// one with the labels of another.
    #[arg(long, requires = "checkpoint", value_delimiter = ',')]
    device: Vec<String>,
    /// Folder of published sets; by default what TACHOGRAPH_DATA names.
    #[arg(long, requires = "checkpoint")]
    root: Option<PathBuf>,
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
