//! What the graph around an operator is worth on an accelerator: the label of a network beside the sum of the labels of its
//! parts, each compiled alone.
//!
//! ```sh
//! cargo run --release -p tachograph-research --bin edge_parts -- parts --count 10
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Parser;
use tachograph_datasets::{DataSet, NetworkId, Record};
use tachograph_import::tflite::{self, Weights};
use tachograph_ir::{Assignment, BoundGraph, Builder, Graph, NodeId, TensorId};
use tachograph_label::{Limits, Vela, label, refusals, vela::NOTHING_RUNS};
use tachograph_metrics::median;
use tachograph_networks::edge::{Space, sample};

/// Prints, for networks of every space, what their operators take alone, their kernels alone (an operator with the
/// activation after it), and all of them together.
#[derive(Parser)]
pub struct Args {
    /// Folder of the files and of their labels, new or begun.
    folder: PathBuf,
    /// Networks of each space.
    #[arg(long, default_value_t = 10)]
    count: u64,
    /// Seed of the networks: another than that of `datasets/edge`.
    #[arg(long, default_value_t = 77)]
    seed: u64,
    /// Accelerators, with commas.
    #[arg(long, value_delimiter = ',', default_value = "ethos-u55-128,ethos-u65-256,ethos-u85-256")]
    accelerator: Vec<String>,
}

/// A network in parts.
struct Cut {
    space: Space,
    name: String,
    /// Files of its operators, and of its kernels.
    operators: Vec<String>,
    kernels: Vec<String>,
}

/// Prints the tables.
///
/// # Errors
/// A network that cannot be written; labels that cannot be made.
pub fn run(args: &Args) -> Result<()> {
    let files = args.folder.join("files");
    fs::create_dir_all(&files).with_context(|| files.display().to_string())?;
    let mut networks = Vec::new();
    for space in Space::ALL {
        for index in 0..args.count {
            networks.push(cut(&files, space, args.seed, index)?);
        }
    }
    for accelerator in &args.accelerator {
        let set = args.folder.join(accelerator);
        let method = Vela::new(accelerator.clone()).method()?;
        label(&files, &set, &method, 2, Limits::default(), |_| {})?;
        // What runs on the CPU has no time in the label of the whole either.
        let on_cpu =
            refusals(&set, accelerator)?.into_iter().filter(|refusal| refusal.reason.starts_with(NOTHING_RUNS));
        let on_cpu: BTreeSet<String> = on_cpu.map(|refusal| name(&refusal.network)).collect();
        let set = DataSet::open(&set)?;
        let labels: BTreeMap<String, &Record> =
            set.records().iter().map(|record| (name(&record.network), record)).collect();
        table(accelerator, &networks, &labels, &on_cpu);
    }
    Ok(())
}

fn name(id: &NetworkId) -> String {
    match id {
        NetworkId::Generated { family, seed, index } => format!("{family}.{seed}.{index}"),
        NetworkId::File { path } => path.clone(),
    }
}

/// Writes a network and its parts.
fn cut(files: &Path, space: Space, seed: u64, index: u64) -> Result<Cut> {
    let graph = sample(space, seed, index)?;
    let bound = graph.bind(&Assignment::new())?;
    let whole = graph.name().to_owned();
    write(files, &whole, &bound)?;
    let (mut operators, mut kernels) = (Vec::new(), Vec::new());
    let mut joined = BTreeSet::new();
    for &id in bound.live() {
        operators.push(part(files, &whole, &bound, &[id])?);
        if joined.contains(&id) {
            continue;
        }
        let mut kernel = vec![id];
        if let Some(next) = activation(&bound, id) {
            joined.insert(next);
            kernel.push(next);
        }
        kernels.push(part(files, &whole, &bound, &kernel)?);
    }
    Ok(Cut { space, name: whole, operators, kernels })
}

/// The activation that alone reads a node's result, where TFLite has one form for both.
fn activation(bound: &BoundGraph, id: NodeId) -> Option<NodeId> {
    let &[Some(result)] = bound.graph().node(id).outputs.as_slice() else { return None };
    let reads = |&&other: &&NodeId| bound.graph().node(other).inputs.contains(&Some(result));
    let readers: Vec<NodeId> = bound.live().iter().filter(reads).copied().collect();
    let &[reader] = readers.as_slice() else { return None };
    let takes = matches!(bound.graph().node(id).op.name(), "Conv" | "Gemm" | "Add" | "Mul" | "Concat");
    (takes && matches!(bound.graph().node(reader).op.name(), "Relu" | "Clip")).then_some(reader)
}

/// Writes the nodes, one after the other, as a network of their own.
fn part(files: &Path, whole: &str, bound: &BoundGraph, nodes: &[NodeId]) -> Result<String> {
    let name = format!("{whole}-{}", nodes.iter().map(|id| id.index().to_string()).collect::<Vec<_>>().join("-"));
    let graph = alone(&name, bound, nodes)?;
    write(files, &name, &graph.bind(&Assignment::new())?)?;
    Ok(name)
}

fn alone(name: &str, bound: &BoundGraph, nodes: &[NodeId]) -> Result<Graph> {
    let mut b = Builder::new(name);
    let mut places: BTreeMap<TensorId, TensorId> = BTreeMap::new();
    let mut last = Vec::new();
    for &id in nodes {
        let node = bound.graph().node(id);
        let mut inputs = Vec::new();
        for &operand in &node.inputs {
            let Some(t) = operand else {
                inputs.push(None);
                continue;
            };
            let fact = bound.fact(t);
            let shape = bound.shape(t).context("a tensor of unknown shape")?.to_vec();
            let place = *places.entry(t).or_insert_with(|| {
                if bound.is_parameter(t) {
                    b.parameter(&shape)
                } else if fact.constant {
                    b.tensor(bound.graph().tensor(t).clone())
                } else {
                    b.input(&format!("in{}", t.index()), fact.dtype, shape.iter().map(|&n| n.into()).collect())
                }
            });
            inputs.push(Some(place));
        }
        last = b.node(node.op.name(), &inputs, node.attrs.clone(), node.outputs.len())?;
        places.extend(node.outputs.iter().flatten().copied().zip(last.iter().copied()));
    }
    Ok(b.finish(&last)?)
}

fn write(files: &Path, name: &str, bound: &BoundGraph) -> Result<()> {
    let path = files.join(format!("{name}.tflite"));
    if !path.exists() {
        fs::write(&path, tflite::write_with(bound, Weights::Zero)?).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn table(accelerator: &str, networks: &[Cut], labels: &BTreeMap<String, &Record>, on_cpu: &BTreeSet<String>) {
    println!("\n### {accelerator}: the parts alone, over the whole (Vela's estimates)\n");
    println!("| space | networks | operators / whole, median | kernels / whole, median | least | most | cascaded |");
    println!("|---|---|---|---|---|---|---|");
    let time = |name: &String| match on_cpu.contains(name) {
        true => Some(0.0),
        false => labels.get(name).and_then(|record| record.median_ms),
    };
    // A network with a part that the compiler refuses is left out.
    let sum = |parts: &[String]| parts.iter().map(time).sum::<Option<f64>>();
    let mut extremes: Vec<(f64, &str)> = Vec::new();
    for space in Space::ALL {
        let (mut operators, mut kernels, mut cascaded) = (Vec::new(), Vec::new(), 0);
        for network in networks.iter().filter(|network| network.space == space) {
            let (Some(whole), Some(single), Some(fused)) =
                (time(&network.name), sum(&network.operators), sum(&network.kernels))
            else {
                continue;
            };
            operators.push(single / whole);
            kernels.push(fused / whole);
            extremes.push((fused / whole, &network.name));
            let estimate = labels.get(&network.name).and_then(|record| record.estimate.as_ref());
            cascaded += usize::from(estimate.is_some_and(|estimate| estimate.cascaded > 0));
        }
        let middle = |values: &[f64]| median(values).map_or("–".into(), |m| format!("{m:.2}"));
        kernels.sort_by(f64::total_cmp);
        let shown = |value: Option<&f64>| value.map_or("–".into(), |v| format!("{v:.2}"));
        let (least, most, n) = (shown(kernels.first()), shown(kernels.last()), kernels.len());
        let (single, fused) = (middle(&operators), middle(&kernels));
        println!("| {space} | {n} | {single} | {fused} | {least} | {most} | {cascaded} |");
    }
    extremes.sort_by(|a, b| b.0.total_cmp(&a.0));
    println!("\nFurthest from their sum: ");
    for (ratio, name) in extremes.iter().take(4).chain(extremes.iter().rev().take(2)) {
        println!("- `{name}`: its kernels alone take {ratio:.2} times what it takes");
    }
}
