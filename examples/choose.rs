//! Searches the configurations of a network for the best that fits a memory and a time.
//!
//!     cargo run --release --example choose -- model.onnx --over batch=1,2,4,8,16,32 --memory-gb 4 --time-ms 100
//!
//! Best is what does most samples a second. Memory is what the checkpoint predicts, or, where it has no such output, what
//! weights and activations need at once.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use tachograph_ir::{BoundGraph, Bytes, Millis};
use tachograph_models::mig;
use tachograph_train::{Budget, Configuration, Predictor, Quantity, choose};
use tch::Device;

#[derive(Parser)]
#[command(about)]
struct Args {
    model: PathBuf,
    /// Values to try of a free dimension or attribute, such as `batch=1,2,4`.
    #[arg(long, required = true, value_parser = axis)]
    over: Vec<(String, Vec<u64>)>,
    /// Memory of the device, 10⁹ bytes.
    #[arg(long)]
    memory_gb: Option<f64>,
    /// Most time of a batch.
    #[arg(long)]
    time_ms: Option<f64>,
    /// A device that the checkpoint predicts for; without it, the first.
    #[arg(long)]
    device: Option<String>,
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/checkpoints/cpu.safetensors"))]
    checkpoint: PathBuf,
    /// Feasible configurations to list.
    #[arg(long, default_value_t = 20)]
    top: usize,
}

fn main() -> ExitCode {
    tachograph_examples_graphs::exit(|| run(&Args::parse()))
}

fn axis(text: &str) -> Result<(String, Vec<u64>)> {
    let (name, values) = text.split_once('=').context("expected NAME=VALUE,VALUE,…")?;
    Ok((name.into(), values.split(',').map(|v| v.trim().parse()).collect::<Result<_, _>>()?))
}

fn run(args: &Args) -> Result<()> {
    let graph = tachograph_import::load(&args.model)?.graph;
    tch::set_num_threads(1);
    let predictor = Predictor::load(&args.checkpoint, Device::Cpu)?;
    let latency = predictor.output(args.device.as_deref(), Quantity::Latency)?;
    let name = predictor.manifest().outputs[latency].name.as_str();
    let memory = predictor.memory(latency);
    let predict = |bound: &BoundGraph| -> tachograph_train::Result<(Millis, Bytes)> {
        let time = Millis(predictor.predict(bound, latency)?.latency_ms);
        let memory = match memory {
            Some(output) => Bytes((1e6 * predictor.predict(bound, output)?.latency_ms) as u64),
            None => bound.peak_memory()?,
        };
        Ok((time, memory))
    };
    let budget = Budget { memory: args.memory_gb.map(|gb| Bytes((1e9 * gb) as u64)), time: args.time_ms.map(Millis) };
    let axes: BTreeMap<String, Vec<u64>> = args.over.iter().cloned().collect();
    let found = choose(&graph, &axes, &budget, predict)?;
    let source = if memory.is_some() { "predicted" } else { "weights and activations" };
    println!("{} on {name}; memory: {source}", graph.name());
    println!("{} fit, {} do not, {} are refused", found.feasible.len(), found.beyond.len(), found.refused.len());
    for (config, why) in found.refused.iter().take(3) {
        println!("refused {config:?}: {why}");
    }
    found.feasible.iter().take(args.top).for_each(|choice| println!("{}", line(choice)));
    match found.feasible.first() {
        Some(best) => println!("best: {}", line(best)),
        None => println!("best: none; the least is beyond the budget"),
    }
    if let (Some(best), true) = (found.feasible.first(), memory.is_some()) {
        let slice = mig::recommend(best.memory.0 as f64 / 1e6).unwrap_or("none");
        println!("slice of an A100 with 40 GB by DIPPM's rule: {slice}");
    }
    Ok(())
}

fn line(choice: &Configuration) -> String {
    let config: Vec<String> = choice.config.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let (ms, mb) = (choice.time.0, choice.memory.0 as f64 / 1e6);
    format!("{}: {ms:.2} ms, {mb:.0} MB, {:.1} samples/s", config.join(" "), choice.throughput())
}
