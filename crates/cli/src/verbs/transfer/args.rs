//! Arguments of `transfer`, and which way to take when.

use std::path::PathBuf;

use clap::ValueEnum;
use tachograph_transfer::rates::RatePrior;

use super::options::Options;
use crate::{args, exit, models::Bind};

/// Which way to take when.
const WAYS: &str = "\
Which way (--by), in short; the page is docs/adaptation.md:
  rates       nothing like the device is known, or it runs models by another library: from one measurement on
  relative    the same networks were measured on a device like it (--like), such as the last generation of a card
  checkpoint  it runs models as a device of a checkpoint does: from two measurements on; writes a checkpoint (libtorch)
  auto        relative with --like, checkpoint with --checkpoint or --out, else rates";

/// Predict for a device that nobody measured before, from a few measurements made there
#[derive(clap::Args)]
#[command(after_help = format!("{WAYS}\n\n{}", exit::CODES))]
pub struct Args {
    /// Measurements: a table (file,device,latency_ms, and batch where models leave it open) beside the models, a folder
    /// made by `collect`, or a published set by name.
    pub(super) measurements: PathBuf,
    /// Models to predict; `relative` predicts the networks of the measurements that the new device has not run.
    pub(super) models: Vec<PathBuf>,
    /// The new device, as the measurements call it, whatever the case; give it again for several.
    #[arg(long, required_unless_present = "plan", value_parser = args::name)]
    pub(super) device: Vec<String>,
    /// The way from the measurements to predictions.
    #[arg(long, value_enum, default_value_t = By::Auto)]
    pub by: By,
    #[command(flatten)]
    pub(super) bind: Bind,
    /// Instead of predicting, name so many networks of the measurements that are worth measuring (relative, checkpoint).
    #[arg(long, conflicts_with_all = ["device", "models"], value_parser = args::count)]
    pub(super) plan: Option<usize>,
    /// A device like the new one on which the networks were measured (relative).
    #[arg(long, value_parser = args::name)]
    pub(super) like: Option<String>,
    /// Scale all times to this batch, where devices measured at batches of their own that fill them (relative).
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) batch: Option<u64>,
    /// Machines whose rates are the starting point; cpu for rates, gpu for relative.
    #[arg(long, value_enum)]
    pub(super) start: Option<Start>,
    /// Terms of the sum to list for each model (rates).
    #[arg(long, default_value_t = 5, value_parser = args::count)]
    pub(super) top: usize,
    #[command(flatten)]
    pub(super) checkpoint: Options,
    /// Folder of published sets; else the one that TACHOGRAPH_DATA names.
    #[arg(long)]
    pub(super) root: Option<PathBuf>,
    /// One JSON object a device, each on a line.
    #[arg(long)]
    pub(super) json: bool,
}

/// Ways to predict a new device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    Auto,
    Rates,
    Relative,
    Checkpoint,
}

/// Machines whose rates are the starting point.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Start {
    Cpu,
    Gpu,
    /// All rates alike.
    Equal,
}

impl Start {
    /// The prior of this name.
    pub fn prior(self) -> RatePrior {
        match self {
            Self::Cpu => RatePrior::cpu(),
            Self::Gpu => RatePrior::gpu(),
            Self::Equal => RatePrior::equal(),
        }
    }
}
