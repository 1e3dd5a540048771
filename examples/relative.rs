//! Predicts networks on a new device from their times on one like it, such as the last generation of a card: says which
//! networks to measure, and predicts the others from those.
//!
//!     cargo run --release --example relative -- mine.csv --like old-card --measure 10
//!     cargo run --release --example relative -- mine.csv --like old-card --device new-card

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Parser;
use tachograph_examples::Start;
use tachograph_features::transfer::{LogGaussian, Sample, rates};
use tachograph_metrics::{Fold, folds, median};
use tachograph_train::{Corpus, Query};

/// Parts of the measurements, each predicted from the others.
const FOLDS: usize = 10;
/// Standard deviation of the logarithm of a rate relative to the other device.
const DEPARTURE: f64 = 0.1;
/// Standard deviation of what rates do not explain, in logarithms of times.
const NOISE: f64 = 0.07;

#[derive(Parser)]
#[command(about)]
struct Args {
    /// Measurements: a table (file, device, latency_ms, and batch where models leave it open) beside the models, a folder
    /// of `collect`, or a published set by name.
    data: PathBuf,
    /// The device on which the networks were measured.
    #[arg(long)]
    like: String,
    /// The new device, with a few measurements; without, the networks to measure on it are printed.
    #[arg(long)]
    device: Option<String>,
    /// How many networks to measure.
    #[arg(long, default_value_t = 10, conflicts_with = "device")]
    measure: usize,
    /// Scale all times to this batch, where devices measured networks at batches of their own that fill them.
    #[arg(long)]
    batch: Option<u64>,
    /// Folder of published sets.
    #[arg(long)]
    root: Option<PathBuf>,
    /// Machines whose rates say what networks spend their time on.
    #[arg(long, value_enum, default_value_t = Start::Gpu)]
    start: Start,
}

fn main() -> ExitCode {
    tachograph_examples_graphs::exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let devices = [Some(&args.like), args.device.as_ref()];
    let query = Query { batch: args.batch, ..Query::latency(devices.into_iter().flatten()) };
    let corpus = Corpus::open(&args.data, args.root.as_deref(), &query)?;
    corpus.left_out.iter().for_each(|(network, why)| eprintln!("left out: {network}: {why}"));
    let output = |name: &String| corpus.outputs.iter().position(|output| output.name == *name).context("no output");
    let old = output(&args.like)?;
    let entries: Vec<_> = corpus.entries.iter().filter(|entry| entry.targets[old].is_finite()).collect();
    let costs = entries.iter().map(|entry| rates::costs(&entry.bound)).collect::<Result<Vec<_>, _>>()?;
    let times: Vec<_> = entries.iter().map(|entry| entry.targets[old]).collect();
    let known = times.iter().enumerate().map(|(network, &ms)| Sample { network, ms });
    let rates = args.start.prior().adapt(&known.collect::<Vec<_>>(), &costs)?;
    let gaussian = rates.relative(&costs, DEPARTURE, NOISE)?;
    let title = |network: usize| format!("{} at batch {}", entries[network].network, entries[network].batch);

    let Some(device) = &args.device else {
        let chosen = gaussian.select(&(0..entries.len()).collect::<Vec<_>>(), args.measure)?;
        chosen.into_iter().for_each(|network| println!("{}", title(network)));
        return Ok(());
    };
    let new = output(device)?;
    let ratio = |network: usize| Sample { network, ms: entries[network].targets[new] / times[network] };
    let ratios: Vec<Sample> = (0..entries.len()).map(ratio).filter(|ratio| ratio.ms.is_finite()).collect();
    if ratios.is_empty() {
        bail!("no network was measured on both `{}` and `{device}`", args.like);
    }
    println!("{} networks measured on both", ratios.len());
    if ratios.len() > 1 {
        cross_validate(&gaussian, &ratios)?;
    }
    let factors = gaussian.adapt(&ratios)?;
    for (network, factor) in factors.iter().enumerate().filter(|(i, _)| !entries[*i].targets[new].is_finite()) {
        println!("{}: {:.5} ms", title(network), factor * times[network]);
    }
    Ok(())
}

/// How far off measurements are that are predicted from the others, and by their median ratio.
fn cross_validate(gaussian: &LogGaussian, ratios: &[Sample]) -> Result<()> {
    let folds = folds(ratios.len(), FOLDS);
    let count = folds.len();
    let (mut errors, mut of_median) = (0.0, 0.0);
    for Fold { held, known } in folds {
        let known: Vec<Sample> = known.into_iter().map(|i| ratios[i]).collect();
        let factors = gaussian.adapt(&known)?;
        let middle = median(&known.iter().map(|ratio| ratio.ms).collect::<Vec<_>>()).unwrap_or(1.0);
        for ratio in held.into_iter().map(|i| ratios[i]) {
            let error = |factor: f64| 100.0 * (factor / ratio.ms - 1.0).abs() / ratios.len() as f64;
            errors += error(factors[ratio.network]);
            of_median += error(middle);
        }
    }
    println!("predicted from the others ({count} folds): MAPE {errors:.1} %; by their median ratio: {of_median:.1} %");
    Ok(())
}
