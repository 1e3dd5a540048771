//! Predicts the latency of a model file.
//!
//!     cargo run --release --example predict -- model.onnx --bind batch=8 --html report.html

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use tachograph_examples::{Subject, page};
use tachograph_features::roofline_operations;
use tachograph_ir::{BoundGraph, NodeId};
use tachograph_profile::{Protocol, measure};
use tachograph_report::Report;
use tachograph_train::{Predictor, Quantity, Training};
use tch::Device;

/// Where the bundled checkpoints are.
const CHECKPOINTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/checkpoints");

#[derive(Parser)]
#[command(about)]
struct Args {
    model: PathBuf,
    /// Values of free dimensions, such as `batch=8`.
    #[arg(long)]
    bind: Vec<String>,
    /// A device that the checkpoint predicts for, by any of its names; without it, the first.
    #[arg(long)]
    device: Option<String>,
    /// Without it, the first bundled one that knows the device.
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// Operators to list.
    #[arg(long, default_value_t = 5)]
    top: usize,
    /// Write a page that shows the prediction, such as `report.html`.
    #[arg(long)]
    html: Option<PathBuf>,
    /// Measure the model on this machine too.
    #[arg(long)]
    measure: bool,
}

fn main() -> ExitCode {
    tachograph_examples_graphs::exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let (model, bound) = tachograph_examples_graphs::load(&args.model, &args.bind)?;
    tch::set_num_threads(1);
    let (checkpoint, predictor) = load(args)?;
    let output = match &args.device {
        Some(name) => predictor.find(name).or_else(|_| bail!(unknown(&predictor, name, &checkpoint, args)))?,
        None => predictor.device(None)?,
    };
    let prediction = predictor.predict(&bound, output)?;
    let mut facts = facts(&predictor, &bound, output, &checkpoint)?;
    if let Some(memory) = memory(args, (&checkpoint, &predictor), &bound, output)? {
        facts.insert(1, ("memory".into(), memory));
    }
    let mut warnings = model.warnings;
    if !prediction.unknown_operators.is_empty() {
        warnings.push(format!("never seen in training: {}", prediction.unknown_operators.join(", ")));
    }
    if prediction.extrapolates {
        let training = &predictor.manifest().training;
        let (low, high) = predictor.manifest().outputs[output].range.unwrap_or(training.range_ms);
        warnings.push(format!("far outside the {low:.2} to {high:.0} ms trained on"));
    }

    println!("predicted   {:.3} ms for batch {}", prediction.latency_ms, bound.batch());
    if let Some(((low, high), interval)) =
        prediction.interval_ms.zip(predictor.manifest().outputs[output].interval.as_ref())
    {
        let (nominal, source) = (100.0 * interval.nominal, &interval.source);
        println!("interval    {low:.3} to {high:.3} ms ({nominal:.0} %, from {source})");
    }
    facts.iter().for_each(|(name, value)| println!("{name:<12}{value}"));
    warnings.iter().for_each(|warning| println!("warning: {warning}"));
    if args.measure {
        let m = measure(&bound, Device::Cpu, &Protocol::default())?;
        let error = 100.0 * (prediction.latency_ms / m.median_ms - 1.0);
        println!(
            "measured    {:.3} ms here (median of {}, 1 thread, {}): the prediction is {error:+.1} % off",
            m.median_ms, m.repeats, m.environment.device
        );
    }
    let (times, shares_of) = match predictor.operators(&bound, output)? {
        Some(times) => (times, "predicted time"),
        None => (roofline(&bound)?, "share of a roofline"),
    };
    if let Some(path) = &args.html {
        let graph = &model.graph;
        let subject = Subject { graph, bound: &bound, output, prediction: &prediction, times: &times, shares_of };
        let html = Report { facts, warnings, ..page(&predictor, &subject)? }.to_html()?;
        std::fs::write(path, html).with_context(|| path.display().to_string())?;
    }
    let total: f64 = times.iter().map(|(_, t)| t).sum();
    let mut costliest = times;
    costliest.sort_by(|a, b| b.1.total_cmp(&a.1));
    println!("costliest operators, by {shares_of}:");
    for (id, time) in costliest.into_iter().take(args.top) {
        let node = bound.graph().node(id);
        println!("  {:5.1} %  {} `{}`", 100.0 * time / total, node.op, node.name);
    }
    Ok(())
}

/// The checkpoint that was asked for, or the bundled ones.
fn checkpoints(args: &Args) -> Vec<PathBuf> {
    let bundled = ["cpu", "timm"].map(|name| Path::new(CHECKPOINTS).join(format!("{name}.safetensors")));
    args.checkpoint.as_ref().map_or(bundled.to_vec(), |path| vec![path.clone()])
}

/// The first checkpoint that knows the device; the last where none does.
fn load(args: &Args) -> Result<(PathBuf, Predictor)> {
    let mut last = None;
    for path in checkpoints(args) {
        let predictor = Predictor::load(&path, Device::Cpu)?;
        let knows = args.device.as_ref().is_none_or(|name| predictor.find(name).is_ok());
        last = Some((path, predictor));
        if knows {
            break;
        }
    }
    last.context("no checkpoint")
}

/// The peak memory that goes with `output`, from its checkpoint or else the first that has it.
fn memory(
    args: &Args,
    (checkpoint, predictor): (&Path, &Predictor),
    bound: &BoundGraph,
    output: usize,
) -> Result<Option<String>> {
    let name = &predictor.manifest().outputs[output].name;
    let say = |predictor: &Predictor, memory: usize| {
        let device = &predictor.manifest().outputs[memory];
        let whose = if device.name == *name { String::new() } else { format!(", as on {}", device.name) };
        Ok(Some(format!("{:.3} MB{whose}", predictor.predict(bound, memory)?.latency_ms)))
    };
    if let Some(memory) = predictor.memory(output) {
        return say(predictor, memory);
    }
    for path in checkpoints(args).iter().filter(|&path| path != checkpoint) {
        let other = Predictor::load(path, Device::Cpu)?;
        if let Some(memory) = other.find(name).ok().and_then(|output| other.memory(output)) {
            return say(&other, memory);
        }
    }
    Ok(None)
}

/// What is known of the output, and what else is predicted for its device.
fn facts(predictor: &Predictor, bound: &BoundGraph, output: usize, checkpoint: &Path) -> Result<Vec<(String, String)>> {
    let (manifest, training) = (predictor.manifest(), &predictor.manifest().training);
    let device = &manifest.outputs[output];
    let mut facts = vec![("device", format!("{} ({})", device.name, device.ran_on()))];
    if let Ok(energy) = predictor.output(Some(&device.name), Quantity::Energy) {
        facts.push(("energy", format!("{:.3} J", predictor.predict(bound, energy)?.latency_ms)));
    }
    let checkpoint = checkpoint.display();
    let error = training.validation_mape.map_or(String::new(), |mape| format!(", validation MAPE {mape:.1} %"));
    facts.push(("checkpoint", format!("{checkpoint}{error}")));
    let Training { networks, data, split, seed, .. } = training;
    facts.push(("trained on", format!("{networks} networks of {data} (split {split}, seed {seed})")));
    Ok(facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// What to do about a device that the checkpoint does not know.
fn unknown(predictor: &Predictor, name: &str, checkpoint: &Path, args: &Args) -> String {
    let checkpoint = checkpoint.display();
    let mut text = format!("unknown device `{name}`; nearest of those in {checkpoint}:\n");
    for near in predictor.nearest(name).into_iter().take(3) {
        let how = match near.distance {
            Some(distance) => format!("peak, bandwidth and memory within a factor of {:.2}", distance.exp()),
            None => "by its name".into(),
        };
        text += &format!("  {} ({how})\n", near.name);
    }
    let model = args.model.display();
    text + &format!(
        "to predict for it, measure ten models there, write mine.csv (file,device,latency_ms, and batch where it is \
         free), and\n  \
         cargo run --release --example rates -- mine.csv --device {name} {model}\n\
         or, where it runs models as one of these devices does,\n  \
         cargo run --release --example adapt -- --checkpoint {checkpoint} --csv mine.csv --device {name} --out {name}.safetensors\n  \
         cargo run --release --example predict -- {model} --checkpoint {name}.safetensors"
    )
}

/// Operations of each node, or its bytes where those take longer.
fn roofline(bound: &BoundGraph) -> Result<Vec<(NodeId, f64)>> {
    let time = |&id: &NodeId| Ok((id, roofline_operations(&bound.node_cost(id)?)));
    bound.live().iter().map(time).collect()
}
