//! `tachograph program collect-layouts`.

mod draw;
mod times;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use tachograph_compile::{Bench, LayoutSpace, Layouts, Measured, Network};
use tachograph_datasets::{
    NetworkId,
    sets::{Configurations, OperatorGraph, TimedGraph},
};
use tachograph_ir::{Assignment, BoundGraph, DType};
use tachograph_metrics::median;
use tachograph_program::{Compiler, Limits};

use self::times::{Head, Times};
use super::parts::Folders;
use crate::{
    args, exit,
    here::Here,
    models::{Bind, Model},
    table, tuned,
};

/// Dimensions of a tensor in a configuration, and tensors: result, data and weight, as TpuGraphs has them.
const DIMENSIONS: usize = 6;
const COLUMNS: usize = 3 * DIMENSIONS;

/// For the compiler: a kernel that stores the lanes of its vectors far apart is long.
const PATIENCE: Limits = Limits { seconds: 60, mebibytes: 4096 };

/// A result may differ by so much of their root mean square from that of the plan that `compile` takes.
const TOLERANCE: f64 = 1e-3;

/// Measure networks here as a whole with layouts of their convolutions drawn at random and by rule, as archives to learn to rank
/// layouts from (docs/ranking.md)
///
/// An archive for each network; the same command goes on where it was ended.
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// Model files, or networks of the generator as `FAMILY:SEED:INDEX`.
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<PathBuf>,
    #[command(flatten)]
    bind: Bind,
    #[command(flatten)]
    folders: Folders,
    /// Assignments of layouts of each network.
    #[arg(long, default_value_t = 200, value_parser = args::count)]
    assignments: usize,
    /// How often each is timed, all in turns.
    #[arg(long, default_value_t = 9, value_parser = args::count)]
    rounds: usize,
    /// Compile alone, as a busy machine can; without it the same command times what is compiled.
    #[arg(long)]
    compile: bool,
    /// Of all that is drawn.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

pub fn run(args: &Args) -> Result<()> {
    let here = Here::cpu().context("the system does not say which processor this machine has")?;
    let compiler = Compiler::find()?.with_limits(PATIENCE);
    let mut names = BTreeSet::new();
    for model in &args.models {
        let (name, bound) = network(model, args)?;
        ensure!(names.insert(name.clone()), "{}: another network is called {name}", model.display());
        let path = args.folders.of([name.as_str()])?.join(format!("{name}.npz"));
        match path.exists() {
            true => out!("{}: is there", path.display()),
            false => collect(args, &bound, &path, &here, &compiler).with_context(|| model.display().to_string())?,
        }
    }
    Ok(())
}

/// Name and graph of a network.
fn network(model: &Path, args: &Args) -> Result<(String, BoundGraph)> {
    let id = model.to_str().and_then(|text| text.parse().ok());
    if let (Some(NetworkId::Generated { family, seed, index }), false) = (id, model.exists()) {
        let graph = tachograph_networks::sample(family.parse()?, seed, index)?.graph;
        let open = graph.hyperparameters().contains_key("batch");
        let bound = graph.bind(&open.then(|| ("batch".to_owned(), 1)).into_iter().collect::<Assignment>())?;
        return Ok((format!("{family}-{seed}-{index}"), bound));
    }
    let model_file = Model::among(model, &args.models, &args.bind)?;
    model_file.warn(args.models.len() > 1);
    let stem = model.file_name().unwrap_or_default().to_string_lossy();
    Ok((stem.split('.').next().unwrap_or_default().to_owned(), model_file.bound))
}

fn collect(args: &Args, bound: &BoundGraph, path: &Path, here: &Here, compiler: &Compiler) -> Result<()> {
    let network = Network::of(bound)?;
    let space = LayoutSpace::of(&network, &Measured::new())?;
    if space.convolutions().len() < 2 {
        out!(
            "{}: left out, {} with a choice",
            path.display(),
            table::counted(space.convolutions().len(), "convolution")
        );
        return Ok(());
    }
    let drawn = draw::assignments(&space, args.assignments, args.seed);
    let head = Head {
        version: Head::VERSION,
        device: here.name.clone(),
        compiler: tuned::compiler(compiler),
        assignments: drawn.iter().map(|layouts| draw::text(layouts)).collect(),
    };
    let mut times = Times::open(&path.with_extension("times.jsonl"), head)?;
    if times.rounds().len() < args.rounds {
        let build = path.with_extension("build");
        let plans: Vec<_> = drawn.iter().map(|layouts| space.taken(layouts)).collect();
        eprintln!("{}: compiling the kernels of {}", path.display(), table::counted(plans.len(), "plan"));
        // Weights decide nothing: numbers that look random stand for them.
        let mut bench = Bench::new(&network, &plans, &|_| Ok(None), compiler, &build)?;
        if args.compile {
            return Ok(());
        }
        check(bound, &mut bench, drawn.len())?;
        while times.rounds().len() < args.rounds {
            // A run before fills the caches with what is the plan's.
            let timed = (0..drawn.len()).map(|plan| bench.run(plan).and_then(|_| bench.run(plan))).collect();
            times.push(timed)?;
            eprintln!("{}: {} of {} rounds", path.display(), times.rounds().len(), args.rounds);
        }
    }
    let archive = archive(bound, &space, &drawn, &times)?;
    args.folders.write(&archive, path)?;
    let _ = std::fs::remove_dir_all(path.with_extension("build"));
    said(path, &space, &archive, &times);
    Ok(())
}

/// Runs every plan; all have to compute the same.
fn check(bound: &BoundGraph, bench: &mut Bench, plans: usize) -> Result<()> {
    let floats = |results: &[Vec<u8>]| -> Vec<f64> {
        let outputs = bound.graph().outputs().iter().zip(results);
        let of = outputs.filter(|(id, _)| bound.fact(**id).dtype == DType::F32);
        of.flat_map(|(_, bytes)| bytes.as_chunks().0.iter().map(|&b| f64::from(f32::from_le_bytes(b)))).collect()
    };
    let mut expected: Option<Vec<f64>> = None;
    for plan in 0..plans {
        if bench.run(plan).is_none() {
            let why = bench.refused(plan).unwrap_or_default().lines().next().unwrap_or_default().to_owned();
            exit::warn(&format!("assignment {plan} is left out: {why}"));
            continue;
        }
        let found = floats(bench.results());
        let Some(expected) = &expected else {
            expected = Some(found);
            continue;
        };
        let scale = (expected.iter().map(|x| x * x).sum::<f64>() / expected.len().max(1) as f64).sqrt();
        // What is no number is not near any.
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= TOLERANCE * scale;
        ensure!(found.iter().zip(expected).all(near), "assignment {plan} computes something else than the first");
    }
    Ok(())
}

/// What was measured in TpuGraphs' form.
fn archive(bound: &BoundGraph, space: &LayoutSpace<'_>, drawn: &[Vec<Layouts>], times: &Times) -> Result<TimedGraph> {
    let (graph, nodes) = OperatorGraph::of(bound);
    let configurable: Option<Vec<u32>> =
        space.convolutions().iter().map(|conv| nodes.get(&conv.node).copied()).collect();
    let Some(configurable) = configurable else { bail!("a convolution has no node") };
    let timed: Vec<(usize, f64, f32)> =
        (0..drawn.len()).filter_map(|i| times.of(i).map(|(ms, s)| (i, ms, s))).collect();
    let row = |(conv, &layouts): (usize, &Layouts)| -> [f32; COLUMNS] {
        let mut row = [-1.0; COLUMNS];
        let [data, result] = space.axes(conv, layouts);
        // The weight is packed as its kernel wants it, whatever the layouts: −1, as for a compiler's own choice.
        for (places, axes) in row.chunks_mut(DIMENSIONS).zip([result, data]) {
            places.iter_mut().zip(axes).for_each(|(place, axis)| *place = axis as f32);
        }
        row
    };
    let values = timed.iter().flat_map(|(i, ..)| drawn[*i].iter().enumerate().flat_map(row)).collect();
    Ok(TimedGraph {
        graph,
        configurations: Configurations::Layout { nodes: configurable, columns: COLUMNS, values },
        run_times: timed.iter().map(|(_, ms, _)| ms * 1e6).collect(),
        default_time: None,
        spreads: Some(timed.iter().map(|(.., spread)| *spread).collect()),
    })
}

fn said(path: &Path, space: &LayoutSpace<'_>, archive: &TimedGraph, times: &Times) {
    let ms: Vec<f64> = archive.run_times.iter().map(|ns| ns / 1e6).collect();
    let [least, most] =
        [f64::min as fn(f64, f64) -> f64, f64::max].map(|of| ms.iter().copied().reduce(of).unwrap_or(0.0));
    out!(
        "{}: {} of {}, {least:.3} to {most:.3} ms, median {:.3}, as compiled {:.3}",
        path.display(),
        table::counted(ms.len(), "assignment"),
        table::counted(space.convolutions().len(), "convolution"),
        median(&ms).unwrap_or(0.0),
        times.of(0).map_or(0.0, |(ms, _)| ms),
    );
    let spreads: Vec<f64> = archive.spreads.iter().flatten().map(|&spread| f64::from(spread)).collect();
    if let (Some(spread), Some((noise, apart))) = (median(&spreads), times.noise()) {
        out!(
            "  quartiles of a plan's runs {:.1} % apart; medians of odd and of even rounds {:.2} %; {:.0} % of pairs of plans further apart than twice that",
            100.0 * spread,
            100.0 * noise,
            100.0 * apart
        );
    }
}
