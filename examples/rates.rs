//! Predicts models on a device that nobody has profiled from a few measurements of other models on it: times as sums
//! over kinds of kernels, at rates that start from those of other machines.
//!
//!     cargo run --release --example rates -- mine.csv --device my-phone model.onnx

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Parser;
use tachograph_examples::Start;
use tachograph_features::transfer::{
    Sample,
    rates::{self, Column, RatePrior, Rates},
};
use tachograph_metrics::{Fold, folds, mape, median_ape};
use tachograph_train::{Corpus, Query};

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
    let samples = times.enumerate().map(|(network, ms)| Ok(Sample { network, ms: ms? })).collect::<Result<Vec<_>>>()?;
    if samples.is_empty() {
        bail!("no measurement of `{}`", args.device);
    }
    let prior = args.start.prior();
    match samples.len() {
        1 => println!("1 measurement on {}", args.device),
        n => {
            println!("{n} measurements on {}", args.device);
            cross_validate(&prior, &samples, &costs)?;
        }
    }
    let rates = prior.adapt(&samples, &costs)?;
    for path in &args.models {
        let (_, bound) = tachograph_examples_graphs::load(path, &args.bind)?;
        show(&path.display().to_string(), &rates, &rates::costs(&bound)?, args.top)?;
    }
    Ok(())
}

/// How far off measurements are that are predicted from the others.
fn cross_validate(prior: &RatePrior, samples: &[Sample], costs: &[Vec<f64>]) -> Result<()> {
    let folds = folds(samples.len(), FOLDS);
    let count = folds.len();
    let (mut predicted, mut measured) = (Vec::new(), Vec::new());
    for Fold { held, known } in folds {
        let rates = prior.adapt(&known.into_iter().map(|i| samples[i]).collect::<Vec<_>>(), costs)?;
        for sample in held.into_iter().map(|i| &samples[i]) {
            predicted.push(rates.predict(&costs[sample.network])?.ms);
            measured.push(sample.ms);
        }
    }
    let (mean, median) = (mape(&predicted, &measured)?, median_ape(&predicted, &measured)?);
    let [mean, median] = [mean, median].map(|error| 100.0 * error);
    println!("predicted from the others ({count} folds): MAPE {mean:.1} %, median {median:.1} %");
    Ok(())
}

fn show(name: &str, rates: &Rates, costs: &[f64], top: usize) -> Result<()> {
    let time = rates.predict(costs)?;
    let (low, high) = time.interval();
    println!("{name}: {:.3} ms (80 %: {low:.3} to {high:.3} ms)", time.ms);
    let mut terms: Vec<(f64, Column)> = rates.terms(costs)?.into_iter().zip(Column::all()).collect();
    terms.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (ms, column) in terms.iter().take(top).filter(|(ms, _)| *ms > 0.0) {
        println!("  {:5.1} %  {column}", 100.0 * ms / time.ms);
    }
    Ok(())
}
