//! Predicts models on a device that nobody has profiled from a few measurements of other models on it: times as sums
//! over kinds of kernels, at rates that start from those of other machines.
//!
//!     cargo run --release --example rates -- mine.csv --device my-phone model.onnx

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Parser;
use tachograph_examples::Start;
use tachograph_train::{Corpus, Query};
use tachograph_transfer::{
    Observation, cross_validate,
    rates::{self, Column, Rates},
};

/// Parts of the measurements, each predicted from the others.
const FOLDS: usize = 10;

#[derive(Parser)]
#[command(about)]
struct Args {
    /// Measurements: a table (file, device, latency_ms, and batch where models leave it open) beside the models, a folder
    /// of `collect`, or a published set by name.
    data: PathBuf,
    #[arg(long)]
    device: String,
    /// Models to predict.
    models: Vec<PathBuf>,
    /// Values of free dimensions, such as `batch=8`.
    #[arg(long)]
    bind: Vec<String>,
    /// Folder of published sets.
    #[arg(long)]
    root: Option<PathBuf>,
    /// Machines whose rates are the starting point.
    #[arg(long, value_enum, default_value_t = Start::Cpu)]
    start: Start,
    /// Terms of the sum to list.
    #[arg(long, default_value_t = 5)]
    top: usize,
}

fn main() -> ExitCode {
    tachograph_examples_graphs::exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let corpus = Corpus::open(&args.data, args.root.as_deref(), &Query::latency([&args.device]))?;
    corpus.left_out.iter().for_each(|(network, why)| eprintln!("left out: {network}: {why}"));
    let costs = corpus.entries.iter().map(|entry| rates::costs(&entry.bound)).collect::<Result<Vec<_>, _>>()?;
    let times = corpus.entries.iter().map(|entry| entry.targets.first().copied().context("no latency"));
    let known = times.enumerate().map(|(network, ms)| Ok(Observation { network, ms: ms? }));
    let known = known.collect::<Result<Vec<_>>>()?;
    let prior = args.start.prior();
    match known.len() {
        0 => bail!("no measurement of `{}`", args.device),
        1 => println!("1 measurement on {}", args.device),
        n => {
            println!("{n} measurements on {}", args.device);
            let found = cross_validate(&prior.clone().over(&costs)?, &known, FOLDS)?;
            println!(
                "predicted from the others ({} folds): MAPE {:.1} %, median {:.1} %",
                found.folds,
                100.0 * found.mape,
                100.0 * found.median_ape
            );
        }
    }
    let rates = prior.adapt(&known, &costs)?;
    for path in &args.models {
        let (_, bound) = tachograph_examples_graphs::load(path, &args.bind)?;
        show(&path.display().to_string(), &rates, &rates::costs(&bound)?, args.top)?;
    }
    Ok(())
}

fn show(name: &str, rates: &Rates, costs: &[f64], top: usize) -> Result<()> {
    let time = rates.predict(costs)?;
    println!("{name}: {:.3} ms (80 %: {:.3} to {:.3} ms)", time.ms, time.low, time.high);
    let mut terms: Vec<(f64, Column)> = rates.terms(costs)?.into_iter().zip(Column::all()).collect();
    terms.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (ms, column) in terms.iter().take(top).filter(|(ms, _)| *ms > 0.0) {
        println!("  {:5.1} %  {column}", 100.0 * ms / time.ms);
    }
    Ok(())
}
