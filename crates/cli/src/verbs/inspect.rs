//! `tachograph inspect`.

use anyhow::Result;
use serde::Serialize;
use tachograph_ir::{Bytes, Summary};

use crate::{
    exit,
    models::{Model, Models},
    table,
};

/// Show what is in model files: operators, shapes, parameters, FLOPs and bytes
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    #[command(flatten)]
    models: Models,
    /// List every node with its shapes.
    #[arg(long)]
    nodes: bool,
    /// Print the graph for Graphviz instead.
    #[arg(long, conflicts_with_all = ["graph", "json"])]
    dot: bool,
    /// Print the whole graph as JSON instead, one line a model.
    #[arg(long, conflicts_with = "json")]
    graph: bool,
    /// One JSON object a model, each on a line.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    model: &'a str,
    #[serde(flatten)]
    summary: &'a Summary,
    warnings: &'a [String],
}

pub fn run(args: &Args) -> Result<()> {
    let several = args.models.models.len() > 1;
    exit::each(&args.models.models, |path| {
        let mut model = Model::load(path, &args.models.bind)?;
        for &id in model.bound.live() {
            let Some(what) = model.bound.counted_in_part(id) else { continue };
            let node = model.bound.graph().node(id);
            model.warnings.push(format!("node `{}` ({}): {what}", node.name, node.op));
        }
        if args.dot {
            out!("{}", model.bound.to_dot()?);
        } else if args.graph {
            table::json(model.bound.graph())?;
        } else {
            let mut summary = model.bound.summary()?;
            if args.nodes {
                summary.operators = model.bound.summary_of_nodes()?;
            }
            match args.json {
                true => return table::json(&Line { model: &model.path, summary: &summary, warnings: &model.warnings }),
                false => show(&model.path, &summary),
            }
        }
        model.warn(several);
        Ok(())
    })
}

fn show(path: &str, summary: &Summary) {
    out!("{path}: {} nodes, {} run", summary.nodes, summary.nodes_run);
    summary.bound.iter().for_each(|(name, value)| out!("  {name} = {value}"));
    summary.inputs.iter().for_each(|input| out!("  input {input}"));
    summary.outputs.iter().for_each(|output| out!("  output {output}"));
    let large = [(summary.parameters, 1e6), (summary.macs, 1e9), (summary.flops, 1e9)].map(|(n, unit)| n as f64 / unit);
    out!("  parameters {:.3} M, {:.3} GMAC, {:.3} GFLOP", large[0], large[1], large[2]);
    let (read, written) = (Bytes(summary.read_bytes), Bytes(summary.written_bytes));
    out!("  reads {read}, writes {written}, needs {} at once\n", summary.peak_memory_bytes);
    let rows = summary.operators.iter().map(|row| {
        let mflop = format!("{:.3}", row.flops as f64 / 1e6);
        [row.count.to_string(), mflop, row.parameters.to_string(), Bytes(row.bytes).to_string(), row.operator.clone()]
    });
    table::table(&["count", "MFLOP", "parameters", "bytes", "operator"], &rows.collect::<Vec<_>>());
}
