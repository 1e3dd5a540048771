//! Adapts a checkpoint to a new device from a few measurements made there.
//!
//!     cargo run --release --example adapt -- --csv mine.csv --device my-phone --out my-phone.safetensors
//!     cargo run --release --example adapt -- --data measured/ --device my-phone --out my-phone.safetensors
//!
//! The CSV has columns `file`, `device`, `latency_ms` and, where models leave the batch open, `batch`; files are
//! relative to it. With `--k`, only that many of the measurements are used, and the others test the result; with
//! `--plan`, nothing is adapted: the `--k` networks worth measuring are listed.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use tachograph_examples::Measured;
use tachograph_ir::Millis;
use tachograph_metrics::Report;
use tachograph_train::{AdaptConfig, Predictor, Selection, adapt, select};
use tch::Device;

#[derive(Parser)]
#[command(about)]
struct Args {
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/checkpoints/cpu.safetensors"))]
    checkpoint: PathBuf,
    /// Measurements as CSV.
    #[arg(long, required_unless_present = "data")]
    csv: Option<PathBuf>,
    /// Measurements as a data set: a folder of `collect`, or a published set by name.
    #[arg(long, conflicts_with = "csv")]
    data: Option<PathBuf>,
    /// Folder of published sets.
    #[arg(long)]
    root: Option<PathBuf>,
    /// Device whose measurements are used.
    #[arg(long)]
    device: String,
    /// Use only that many.
    #[arg(long)]
    k: Option<usize>,
    /// How `--k` chooses: random, diverse or stratified.
    #[arg(long, default_value = "stratified", value_parser = tachograph_examples::selection)]
    select: Selection,
    /// List the networks that `--k` chooses, and stop.
    #[arg(long, requires = "k")]
    plan: bool,
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[arg(long, default_value_t = 1)]
    threads: i32,
    /// The new checkpoint.
    #[arg(long, required_unless_present = "plan")]
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    tachograph_examples_graphs::exit(|| run(&Args::parse()))
}

fn data(args: &Args) -> Result<&Path> {
    args.csv.as_deref().or(args.data.as_deref()).context("give --csv or --data")
}

fn run(args: &Args) -> Result<()> {
    tch::set_num_threads(args.threads);
    let predictor = Predictor::load(&args.checkpoint, Device::Cpu)?;
    let measured = Measured::read(data(args)?, args.root.as_deref(), &args.device, &predictor.manifest().featurizer)?;
    let n = measured.names.len();
    let graphs: Vec<_> = measured.graphs.iter().collect();
    let chosen = match args.k {
        Some(k) => select(&predictor, 0, &graphs, k, args.select, args.seed)?,
        None => (0..n).collect(),
    };
    if args.plan {
        chosen.iter().for_each(|&i| println!("{}", measured.names[i]));
        return Ok(());
    }
    let samples: Vec<_> = chosen.iter().map(|&i| (graphs[i], Millis(measured.latencies[i]))).collect();
    let config = AdaptConfig { seed: args.seed, ..AdaptConfig::default() };
    let (adapted, report) = adapt(&predictor, measured.device, &samples, &config)?;
    println!("{report}");

    let rest: Vec<usize> = (0..n).filter(|i| !chosen.contains(i)).collect();
    if !rest.is_empty() {
        let others: Vec<_> = rest.iter().map(|&i| graphs[i]).collect();
        let latencies: Vec<f64> = rest.iter().map(|&i| measured.latencies[i]).collect();
        let test = Report::new(&adapted.predict_all(&others, 0)?[..], &latencies[..], "ms")?;
        println!("on the other {} measurements\n{test}", rest.len());
    }
    let Some(out) = &args.out else { bail!("--out is missing") };
    adapted.save(out)?;
    println!("checkpoint: {}", out.display());
    Ok(())
}
