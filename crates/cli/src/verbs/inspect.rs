//! `tachograph inspect`.

use anyhow::Result;
use serde::Serialize;
use serde_json::json;
use tachograph_ir::{Bytes, Plain, Summary, Uncounted};

use crate::{
    exit,
    models::{Model, Models, Open},
    table,
};

/// Show what is in model files: operators, shapes, parameters, FLOPs and bytes; of open ones, what is to be bound
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    #[command(flatten)]
    models: Models,
    /// List every node with its shapes.
    #[arg(long)]
    nodes: bool,
    /// List every node whose cost is not known, instead of their number.
    #[arg(long, visible_alias = "all")]
    verbose: bool,
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
    uncounted: Uncounted,
    warnings: &'a [String],
}

pub fn run(args: &Args) -> Result<()> {
    let several = args.models.models.len() > 1;
    exit::each(&args.models.models, |path| {
        let mut model = match Model::read(path, &args.models.models, &args.models.bind)? {
            Ok(model) => model,
            Err(open) => return outline(args, &open),
        };
        let uncounted = model.bound.uncounted()?;
        if args.verbose {
            for &id in model.bound.live() {
                let Some(what) = model.bound.counted_in_part(id) else { continue };
                let node = model.bound.graph().node(id);
                model.warnings.push(format!("node `{}` ({}): {what}", node.name, node.op));
            }
        } else if !uncounted.is_empty() {
            model.warnings.push(format!("{uncounted}; --verbose lists them"));
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
            if args.json {
                let (model, summary, warnings) = (model.path.as_str(), &summary, model.warnings.as_slice());
                return table::json(&Line { model, summary, uncounted, warnings });
            }
            show(&model.path, &summary);
        }
        model.warn(several);
        Ok(())
    })
}

/// What is in a model that is not bound, and how to bind it.
fn outline(args: &Args, open: &Open) -> Result<()> {
    let graph = &open.imported.graph;
    let outline = graph.outline();
    if args.dot {
        out!("{}", graph.to_dot());
        return Ok(());
    }
    if args.graph {
        return table::json(graph);
    }
    let nodes = graph.nodes().map(|(_, node)| (format!("{} `{}`", node.op, node.name), 1));
    let operators = if args.nodes { nodes.collect() } else { outline.operators };
    if args.json {
        let row = |(operator, count): &(String, usize)| json!({ "operator": operator, "count": count });
        return table::json(&json!({
            "model": open.path, "nodes": outline.nodes, "open": open.open, "bind": open.bind(), "inputs": outline.inputs,
            "outputs": outline.outputs, "parameters": outline.parameters,
            "operators": operators.iter().map(row).collect::<Vec<_>>(), "warnings": open.imported.warnings,
        }));
    }
    out!("{}: {}, not bound", Plain(&open.path), table::counted(outline.nodes, "node"));
    open.open.iter().for_each(|free| out!("  open {}", free.place()));
    outline.inputs.iter().for_each(|input| out!("  input {input}"));
    outline.outputs.iter().for_each(|output| out!("  output {output}"));
    out!("  parameters {:.3} M", outline.parameters as f64 / 1e6);
    out!("  for shapes and costs bind it, such as {}\n", Plain(&open.bind()));
    let rows: Vec<_> = operators.into_iter().map(|(operator, count)| [count.to_string(), operator]).collect();
    table::table(&["count", "operator"], &rows);
    open.imported.warnings.iter().for_each(|warning| exit::warn(&format!("{}: {warning}", open.path)));
    Ok(())
}

fn show(path: &str, summary: &Summary) {
    out!("{}: {}, {} run", Plain(path), table::counted(summary.nodes, "node"), summary.nodes_run);
    summary.bound.iter().for_each(|(name, value)| out!("  {} = {value}", Plain(name)));
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
