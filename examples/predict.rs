//! Predicts the latency of a model file.
//!
//!     cargo run --release --example predict -- model.onnx --bind batch=8

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use tachograph_features::extended::BALANCE;
use tachograph_ir::{Concrete, NodeId};
use tachograph_profile::{Protocol, measure};
use tachograph_train::Predictor;
use tch::Device;

#[derive(Parser)]
#[command(about)]
struct Args {
    model: PathBuf,
    /// Values of free dimensions, such as `batch=8`.
    #[arg(long)]
    bind: Vec<String>,
    /// A device that the checkpoint predicts for; without it, the first.
    #[arg(long)]
    device: Option<String>,
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/checkpoints/cpu.safetensors"))]
    checkpoint: PathBuf,
    /// Operators to list.
    #[arg(long, default_value_t = 5)]
    top: usize,
    /// Measure the model on this machine too.
    #[arg(long)]
    measure: bool,
}

fn main() -> ExitCode {
    tachograph_examples_graphs::exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let (model, bound) = tachograph_examples_graphs::load(&args.model, &args.bind)?;
    model.warnings.iter().for_each(|w| eprintln!("warning: {w}"));
    tch::set_num_threads(1);
    let predictor = Predictor::load(&args.checkpoint, Device::Cpu)?;
    let device = predictor.device(args.device.as_deref())?;
    let prediction = predictor.predict(&bound, device)?;
    let (document, training) = (predictor.document(), &predictor.document().training);
    let target = &document.devices[device];
    println!("predicted   {:.3} ms for batch {} in f32", prediction.latency_ms, bound.batch());
    println!("device      {} ({}, {} thread(s), {})", target.name, target.hardware, target.threads, target.library);
    println!("checkpoint  {}, validation MAPE {:.1} %", args.checkpoint.display(), training.validation_mape);
    println!(
        "trained on  {} networks of {} (split {}, seed {})",
        training.networks, training.data, training.split, training.seed
    );
    if !prediction.unknown_operators.is_empty() {
        println!("warning: never seen in training: {}", prediction.unknown_operators.join(", "));
    }
    if prediction.extrapolates {
        let (low, high) = training.range_ms;
        println!("warning: far outside the {low:.2} to {high:.0} ms trained on");
    }
    if args.measure {
        let m = measure(&bound, Device::Cpu, &Protocol::default())?;
        let error = 100.0 * (prediction.latency_ms / m.median_ms - 1.0);
        println!(
            "measured    {:.3} ms here (median of {}, 1 thread, {}): the prediction is {error:+.1} % off",
            m.median_ms, m.repeats, m.environment.device
        );
    }
    let (mut times, by) = match predictor.operators(&bound, device)? {
        Some(times) => (times, "predicted time"),
        None => (roofline(&bound)?, "share of a roofline"),
    };
    let total: f64 = times.iter().map(|(_, t)| t).sum();
    times.sort_by(|a, b| b.1.total_cmp(&a.1));
    println!("costliest operators, by {by}:");
    for (id, time) in times.into_iter().take(args.top) {
        let node = bound.graph().node(id);
        println!("  {:5.1} %  {} `{}`", 100.0 * time / total, node.op, node.name);
    }
    Ok(())
}

/// Operations of each node, or its bytes where those take longer.
fn roofline(bound: &Concrete) -> Result<Vec<(NodeId, f64)>> {
    let time = |&id: &NodeId| {
        let cost = bound.node_cost(id)?;
        Ok((id, (cost.flops as f64).max(BALANCE * cost.bytes() as f64)))
    };
    bound.live().iter().map(time).collect()
}
