//! Shows what is in a model file: operators, shapes, parameters, FLOPs and bytes.
//!
//!     cargo run --release --example inspect -- model.onnx --bind batch=8

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use tachograph_ir::{BoundGraph, Bytes, Cost};

#[derive(Parser)]
#[command(about)]
struct Args {
    model: PathBuf,
    /// Values of free dimensions, such as `batch=8`.
    #[arg(long)]
    bind: Vec<String>,
    /// List every node with its shapes.
    #[arg(long)]
    nodes: bool,
    /// Print the graph for Graphviz.
    #[arg(long, conflicts_with = "json")]
    dot: bool,
    /// Print the graph as JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    tachograph_examples_graphs::exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let (model, bound) = tachograph_examples_graphs::load(&args.model, &args.bind)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(bound.graph())?);
        return Ok(());
    }
    if args.dot {
        println!("{}", bound.to_dot()?);
        return Ok(());
    }
    let cost = bound.cost()?;
    println!("{}: {} nodes, {} run", args.model.display(), bound.graph().len(), bound.live().len());
    bound.config().iter().for_each(|(name, value)| println!("  {name} = {value}"));
    for (what, ids) in [("input", bound.graph().inputs()), ("output", bound.graph().outputs())] {
        ids.iter().for_each(|&id| println!("  {what} `{}` {}", bound.graph().tensor(id).name, shape(&bound, id)));
    }
    println!(
        "  parameters {:.3} M, {:.3} GMAC, {:.3} GFLOP",
        cost.parameters as f64 / 1e6,
        cost.macs as f64 / 1e9,
        cost.flops as f64 / 1e9
    );
    println!("  reads {}, writes {}\n", Bytes(cost.read), Bytes(cost.written));
    if args.nodes {
        nodes(&bound)?
    } else {
        operators(&bound)?
    }
    for warning in &model.warnings {
        eprintln!("warning: {warning}");
    }
    for id in bound.unknown_nodes() {
        let node = bound.graph().node(id);
        eprintln!("warning: node `{}` ({}): operator or shape not known; it costs nothing here", node.name, node.op);
    }
    Ok(())
}

fn operators(bound: &BoundGraph) -> Result<()> {
    let mut by_type: BTreeMap<String, (usize, Cost)> = BTreeMap::new();
    for &id in bound.live() {
        let entry = by_type.entry(bound.graph().node(id).op.to_string()).or_default();
        *entry = (entry.0 + 1, entry.1 + bound.node_cost(id)?);
    }
    let mut rows: Vec<_> = by_type.into_iter().collect();
    rows.sort_by_key(|(_, (_, cost))| std::cmp::Reverse(cost.flops));
    println!("{:>5}  {:>12}  {:>12}  {:>12}  operator", "count", "MFLOP", "parameters", "bytes");
    for (name, (count, c)) in rows {
        println!(
            "{count:5}  {:12.3}  {:12}  {:>12}  {name}",
            c.flops as f64 / 1e6,
            c.parameters,
            Bytes(c.bytes()).to_string()
        );
    }
    Ok(())
}

fn nodes(bound: &BoundGraph) -> Result<()> {
    println!("{:>12}  {:>12}  operator, result, name", "MFLOP", "bytes");
    for &id in bound.live() {
        let (node, c) = (bound.graph().node(id), bound.node_cost(id)?);
        let shapes: Vec<_> = node.outputs.iter().flatten().map(|&t| shape(bound, t)).collect();
        println!(
            "{:12.3}  {:>12}  {} {} `{}`",
            c.flops as f64 / 1e6,
            Bytes(c.bytes()).to_string(),
            node.op,
            shapes.join(" "),
            node.name
        );
    }
    Ok(())
}

fn shape(bound: &BoundGraph, id: tachograph_ir::TensorId) -> String {
    let dtype = bound.fact(id).dtype;
    bound.shape(id).map_or(format!("{dtype}[?]"), |shape| format!("{dtype}{shape:?}"))
}
