//! Predicts networks on a new device from their times on one like it, such as the last generation of a card: says which
//! networks to measure, and predicts the others from those.
//!
//!     cargo run --release --example relative -- mine.csv --like old-card --measure 10
//!     cargo run --release --example relative -- mine.csv --like old-card --device new-card

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Parser;
use tachograph_examples::Start;
use tachograph_train::{Corpus, Query};
use tachograph_transfer::{
    MedianRatio, Observation, Transfer, cross_validate,
    rates::{self, Relative},
};

/// Parts of the measurements, each predicted from the others.
const FOLDS: usize = 10;

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
    let relative = Relative::new(&args.start.prior(), &times, &costs)?;
    let title = |network: usize| format!("{} at batch {}", entries[network].network, entries[network].batch);

    let Some(device) = &args.device else {
        let chosen = relative.select(&(0..entries.len()).collect::<Vec<_>>(), args.measure)?;
        chosen.into_iter().for_each(|network| println!("{}", title(network)));
        return Ok(());
    };
    let new = output(device)?;
    let known = |network: usize| Observation { network, ms: entries[network].targets[new] };
    let known: Vec<Observation> = (0..entries.len()).map(known).filter(|o| o.ms.is_finite()).collect();
    if known.is_empty() {
        bail!("no network was measured on both `{}` and `{device}`", args.like);
    }
    println!("{} networks measured on both", known.len());
    if known.len() > 1 {
        let found = cross_validate(&relative, &known, FOLDS)?;
        let median = cross_validate(&MedianRatio::new(times.clone())?, &known, FOLDS)?;
        println!(
            "predicted from the others ({} folds): MAPE {:.1} %; by their median ratio: {:.1} %",
            found.folds,
            100.0 * found.mape,
            100.0 * median.mape
        );
    }
    let predicted = relative.adapt(&known)?.predict_all();
    for (network, ms) in predicted.iter().enumerate().filter(|(i, _)| !entries[*i].targets[new].is_finite()) {
        println!("{}: {ms:.5} ms", title(network));
    }
    Ok(())
}
