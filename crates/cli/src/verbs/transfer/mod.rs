//! `tachograph transfer`: a device that nobody measured before, from a few measurements.

#[cfg_attr(not(feature = "torch"), path = "no_checkpoint.rs")]
mod checkpoint;
mod rates;
mod relative;
mod said;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use tachograph_datasets::{DeviceTimes, find};
use tachograph_features::transfer::rates::{RatePrior, costs};

use crate::{exit, models::Bind};

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
    measurements: PathBuf,
    /// Models to predict; `relative` predicts the networks of the measurements that the new device has not run.
    models: Vec<PathBuf>,
    /// The new device, as the measurements call it; give it again for several.
    #[arg(long, required_unless_present = "plan")]
    device: Vec<String>,
    /// The way from the measurements to predictions.
    #[arg(long, value_enum, default_value_t = By::Auto)]
    pub by: By,
    #[command(flatten)]
    bind: Bind,
    /// Instead of predicting, name so many networks of the measurements that are worth measuring (relative, checkpoint).
    #[arg(long, conflicts_with_all = ["device", "models"])]
    plan: Option<usize>,
    /// A device like the new one on which the networks were measured (relative).
    #[arg(long)]
    like: Option<String>,
    /// Scale all times to this batch, where devices measured at batches of their own that fill them (relative).
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    batch: Option<u64>,
    /// Machines whose rates are the starting point; cpu for rates, gpu for relative.
    #[arg(long, value_enum)]
    start: Option<Start>,
    /// Terms of the sum to list for each model (rates).
    #[arg(long, default_value_t = 5)]
    top: usize,
    #[command(flatten)]
    checkpoint: checkpoint::Options,
    /// Folder of published sets; else the one that TACHOGRAPH_DATA names.
    #[arg(long)]
    root: Option<PathBuf>,
    /// One JSON object a device, each on a line.
    #[arg(long)]
    json: bool,
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
enum Start {
    Cpu,
    Gpu,
    /// All rates alike.
    Equal,
}

impl Start {
    fn prior(self) -> RatePrior {
        match self {
            Self::Cpu => RatePrior::cpu(),
            Self::Gpu => RatePrior::gpu(),
            Self::Equal => RatePrior::equal(),
        }
    }
}

pub fn run(args: &Args) -> Result<()> {
    let by = match args.by {
        By::Auto if args.like.is_some() => By::Relative,
        By::Auto if args.checkpoint.given() => By::Checkpoint,
        By::Auto => By::Rates,
        by => by,
    };
    match by {
        By::Relative => relative::run(args, args.like.as_deref().context("--by relative needs --like DEVICE")?),
        By::Checkpoint => checkpoint::run(args),
        By::Auto | By::Rates if args.plan.is_some() => {
            bail!("rates take any measurements; --plan needs --like DEVICE or --by checkpoint")
        }
        By::Auto | By::Rates => exit::each(&args.device, |device| rates::run(args, device)),
    }
}

/// What was measured on `devices`; networks without a graph are named on standard error.
fn read(args: &Args, devices: &[&str]) -> Result<DeviceTimes> {
    let set = find(&args.measurements, args.root.as_deref())?;
    let times = DeviceTimes::read(&*set, devices, args.batch)?;
    times.left_out.iter().for_each(|(network, why)| eprintln!("left out: {network}: {why}"));
    Ok(times)
}

/// What each network uses up.
fn all_costs(times: &DeviceTimes) -> Result<Vec<Vec<f64>>> {
    times.networks.iter().map(|network| Ok(costs(&network.graph)?)).collect()
}
