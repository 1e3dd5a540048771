//! `tachograph transfer`: a device that nobody measured before, from a few measurements.

mod args;
#[cfg_attr(not(feature = "torch"), path = "no_checkpoint.rs")]
mod checkpoint;
mod options;
mod rates;
mod relative;
mod said;

use anyhow::{Context, Result, bail, ensure};
use tachograph_datasets::{DeviceTimes, open};
use tachograph_transfer::{CrossValidation, Observation, Transfer, cross_validate, rates::costs};

use crate::{exit, table};
use args::Start;
pub use args::{Args, By};

pub fn run(args: &Args) -> Result<()> {
    by(args, args.by)
}

/// Whatever `args.by` is.
pub fn by(args: &Args, by: By) -> Result<()> {
    // What is wrong with the command line is said before any work.
    args.bind.config()?;
    let by = match by {
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
        By::Auto | By::Rates => {
            exit::each(&args.device, |device| rates::run(args, device))?;
            if args.models.is_empty() {
                exit::warn("nothing is predicted, since no MODEL is given");
            }
            Ok(())
        }
    }
}

/// Most networks without a graph that are named.
const NAMED: usize = 5;

/// What was measured on `devices`; networks without a graph are named on standard error.
fn read(args: &Args, devices: &[&str]) -> Result<DeviceTimes> {
    let set = open(&args.measurements, args.root.as_deref())?;
    let times = DeviceTimes::read(&*set, devices, args.batch)?;
    times.left_out.iter().take(NAMED).for_each(|(network, why)| exit::warn(&format!("left out: {network}: {why}")));
    if let Some(more @ 1..) = times.left_out.len().checked_sub(NAMED) {
        exit::warn(&format!("left out: {} more", table::counted(more, "network")));
    }
    if times.repeated > 0 {
        let repeated = table::counted(times.repeated, "measurement");
        exit::warn(&format!("{repeated} of what was measured before: the fastest of each stands"));
    }
    Ok(times)
}

/// Refuses to choose more networks than there are.
fn enough(count: usize, networks: usize) -> Result<()> {
    ensure!(
        count <= networks,
        "--plan {count}: the measurements hold {} to choose from",
        table::counted(networks, "network")
    );
    Ok(())
}

/// What each network uses up.
fn all_costs(times: &DeviceTimes) -> Result<Vec<Vec<f64>>> {
    times.networks.iter().map(|network| Ok(costs(&network.graph)?)).collect()
}

/// Parts of the measurements, each predicted from the others.
const FOLDS: usize = 10;

/// How far off measurements are when predicted from each other; of one alone nothing is known.
fn validate(prior: &dyn Transfer, observations: &[Observation]) -> Result<Option<CrossValidation>> {
    let several = observations.len() > 1;
    Ok(several.then(|| cross_validate(prior, observations, FOLDS)).transpose()?)
}
