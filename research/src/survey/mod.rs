//! Imports, binds and prices every ONNX file of some folders in parallel, and holds each to what is known of it.
//!
//! ```sh
//! cargo run --release -p tachograph-research --bin survey --no-default-features -- $TACHOGRAPH_MODELS/timm --published $TACHOGRAPH_DATA/timm
//! ```
//!
//! One line a file, separated by tabs, then a summary on standard error.

mod published;
mod rebind;
mod shapes;

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result};
use clap::Parser;
use published::Published;
use rayon::prelude::*;
use shapes::{Comparison, Shapes};
use tachograph_ir::Assignment;
use tachograph_metrics::quantile;

/// Imports, binds and prices every ONNX file of some folders, and holds each to what is known of it.
#[derive(Parser)]
pub struct Args {
    /// Folders of `NAME.onnx` or `NAME.onnx.gz`; shapes are compared with `NAME.shapes.json.gz` beside them.
    folders: Vec<PathBuf>,
    /// Folder of timm's benchmark files: costs are compared with their columns.
    #[arg(long)]
    published: Option<PathBuf>,
    /// Also bind this batch, and require that many times the multiply–accumulates of batch 1.
    #[arg(long)]
    batch: Option<u64>,
    /// Also bind `NAME__SIZE` to the sizes of its sisters, and hold the cost to theirs.
    #[arg(long)]
    resize: bool,
    /// List every shape that differs.
    #[arg(long)]
    differences: bool,
}

/// What there is to say of one file.
struct Row {
    fields: Vec<String>,
    /// GMACs, M activations and M parameters as timm counts them.
    counts: [f64; 3],
    /// Shapes compared, known beyond the reference, and different.
    shapes: [usize; 3],
    /// Import, inference and cost, without decompression, in milliseconds.
    millis: f64,
    faults: Vec<String>,
    notes: Vec<String>,
}

/// Does what the command line says.
///
/// # Errors
/// What cannot be read, or makes no sense.
pub fn run(args: &Args) -> Result<()> {
    let mut paths = Vec::new();
    for folder in &args.folders {
        let entries = folder.read_dir().with_context(|| folder.display().to_string())?;
        paths.extend(entries.filter_map(|e| Some(e.ok()?.path())));
    }
    paths.retain(|p| [".onnx", ".onnx.gz"].iter().any(|end| p.to_string_lossy().ends_with(end)));
    paths.sort();
    let published = args.published.as_deref().map(Published::read).transpose()?;
    let start = Instant::now();
    let rows: Vec<Row> = paths.par_iter().map(|path| row(path, args, published.as_ref())).collect();
    let wall = start.elapsed().as_secs_f64();
    println!("{}", HEADER.join("\t"));
    rows.iter().for_each(|row| println!("{}", row.fields.join("\t")));
    for (path, row) in paths.iter().zip(&rows) {
        let name = name(path);
        row.faults.iter().for_each(|fault| eprintln!("fault\t{name}\t{fault}"));
        row.notes.iter().for_each(|note| eprintln!("note\t{name}\t{note}"));
    }
    let millis: Vec<f64> = rows.iter().map(|row| row.millis).collect();
    let at = |share: f64| quantile(&millis, share).unwrap_or_default();
    let good = rows.iter().filter(|row| row.faults.is_empty()).count();
    eprintln!(
        "{good} of {} files without fault, {wall:.2} s; a file: median {:.2} ms, 95 % {:.2} ms, most {:.2} ms",
        rows.len(),
        at(0.5),
        at(0.95),
        at(1.0)
    );
    let sum = |i: usize| rows.iter().map(|row| row.shapes[i]).sum::<usize>();
    let with = rows.iter().filter(|row| row.shapes[0] > 0).count();
    eprintln!("{} shapes of {with} files compared: {} not known to the reference, {} differ", sum(0), sum(1), sum(2));
    if let Some(published) = &published {
        let counts: Vec<_> = paths.iter().map(|p| name(p)).zip(rows.iter().map(|row| row.counts)).collect();
        published.compare(&counts);
    }
    Ok(())
}

const HEADER: [&str; 15] = [
    "file",
    "ms",
    "nodes",
    "live",
    "shapes",
    "beyond",
    "differ",
    "macs",
    "parameters",
    "fvcore",
    "activations",
    "learned",
    "published_gmacs",
    "published_macts",
    "published_mparams",
];

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.trim_end_matches(".gz").trim_end_matches(".onnx").to_owned()
}

fn row(path: &Path, args: &Args, published: Option<&Published>) -> Row {
    let name = name(path);
    let mut row = Row {
        fields: vec![name.clone()],
        counts: [0.0; 3],
        shapes: [0; 3],
        millis: 0.0,
        faults: Vec::new(),
        notes: Vec::new(),
    };
    if let Err(error) = fill(&mut row, path, args, published.and_then(|p| p.get(&name))) {
        row.faults.push(format!("{error:#}"));
    }
    row.fields.resize(HEADER.len(), String::new());
    row
}

fn fill(row: &mut Row, path: &Path, args: &Args, published: Option<[f64; 3]>) -> Result<()> {
    let bytes = tachograph_import::open(path)?;
    let reference = Shapes::beside(path)?;
    let start = Instant::now();
    let model = tachograph_import::onnx::read(bytes, &row.fields[0])?;
    let open = model.graph.hyperparameters().iter().filter(|(_, h)| h.default.is_none());
    let config: Assignment =
        open.map(|(name, _)| (name.clone(), reference.bind.get(name).copied().unwrap_or(2))).collect();
    let bound = model.graph.bind(&config)?;
    let cost = bound.cost()?;
    row.millis = start.elapsed().as_secs_f64() * 1e3;
    let fvcore = bound.fvcore()?;
    let Comparison { compared, beyond, differences } = reference.compare(&bound);
    row.shapes = [compared, beyond, differences.len()];
    row.fields.extend([
        format!("{:.3}", row.millis),
        bound.graph().len().to_string(),
        bound.live().len().to_string(),
        compared.to_string(),
        beyond.to_string(),
        differences.len().to_string(),
        cost.macs.to_string(),
        cost.parameters.to_string(),
        fvcore.flops.to_string(),
        fvcore.activations.to_string(),
        bound.learned().to_string(),
    ]);
    row.counts = [fvcore.flops as f64 / 1e9, fvcore.activations as f64 / 1e6, bound.learned() as f64 / 1e6];
    row.fields.extend(published.into_iter().flatten().map(|v| v.to_string()));
    row.faults.extend(model.warnings);
    row.faults.extend(bound.unknown_nodes().map(|id| {
        let node = bound.graph().node(id);
        format!("node `{}` ({}): operator or shape not known", node.name, node.op)
    }));
    match differences.len() {
        0 => {}
        _ if args.differences => row.notes.extend(differences),
        n => row.notes.push(format!("{n} shapes differ, first {}", differences[0])),
    }
    if let Some(batch) = args.batch
        && let Err(error) = rebind::follows(&model.graph, &config, batch)
    {
        row.faults.push(format!("batch {batch}: {error:#}"));
    }
    if args.resize {
        for (sister, said) in rebind::sisters(path, &model.graph)? {
            match said {
                Ok(text) => row.notes.push(format!("as {sister}: {text}")),
                Err(error) => row.faults.push(format!("as {sister}: {error:#}")),
            }
        }
    }
    Ok(())
}
