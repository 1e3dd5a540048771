//! `tachograph program show`.

use std::collections::HashMap;

use anyhow::{Context, Result};
use serde_json::json;
use tachograph_ir::{Bytes, Plain};
use tachograph_program::{Decision, Schedule, Space, Target, Workload, c};
use tachograph_tune::live::space;

use super::picked::{Groups, Which, best};
use crate::{exit, store::Place, table};

/// Show the groups of a model, or one of them: what it computes, its sketches, the best known schedule, its loops and its code
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    place: Place,
    /// The C code alone.
    #[arg(long, requires = "group", conflicts_with = "json")]
    code: bool,
    /// Write the loops as a picture, an SVG file, too.
    #[arg(long, requires = "group", value_name = "FILE")]
    svg: Option<std::path::PathBuf>,
    /// A JSON object a line: each group, or the one.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let groups = args.which.groups()?;
    match args.which.group {
        None => list(args, &groups),
        Some(i) => one(args, &groups, i),
    }
}

fn list(args: &Args, groups: &Groups) -> Result<()> {
    let mut seen = HashMap::new();
    let mut rows = Vec::new();
    for i in 0..groups.fused.len() {
        let operators = groups.operators(i);
        let workload = groups.workload(i);
        if args.json {
            let of = workload.as_ref().ok().map(|w| json!({ "flops": w.flops(), "bytes": w.bytes() }));
            let (hash, error) = (
                workload.as_ref().ok().map(|w| w.hash().to_string()),
                workload.as_ref().err().map(ToString::to_string),
            );
            table::json(&json!({ "group": i, "operators": operators, "workload": hash, "costs": of, "error": error }))?;
            continue;
        }
        rows.push(match workload {
            Ok(workload) => {
                let first = *seen.entry(workload.hash()).or_insert(i);
                let note = if first == i { String::new() } else { format!("as group {first}") };
                let costs = [gflop(&workload), Bytes(workload.bytes()).to_string()];
                let [flops, bytes] = costs;
                [i.to_string(), operators, flops, bytes, note]
            }
            Err(error) => [i.to_string(), operators, String::new(), String::new(), format!("{error:#}")],
        });
    }
    if !args.json {
        out!("{}: {}", Plain(&groups.name), table::counted(groups.fused.len(), "group"));
        table::table(&["group", "operators", "arithmetic", "traffic", ""], &rows);
    }
    Ok(())
}

fn one(args: &Args, groups: &Groups, i: usize) -> Result<()> {
    let workload = groups.workload(i)?;
    let space = space(&workload)?;
    let known = args.place.ask()?.map(|store| best(&store, &workload)).transpose()?.flatten();
    let (schedule, from) = match known {
        Some((schedule, ms)) => (schedule, format!("the fastest known here, {ms:.4} ms")),
        None => match space.nth(0).filter(|_| !space.sketches.is_empty()) {
            Some(point) => (space.schedule(&point)?, "the first point; none has been measured here".into()),
            None => (Schedule::new(), "none".into()),
        },
    };
    let nest = schedule.lower(&workload)?;
    let code = c(&nest, Target::native())?.text;
    if let Some(path) = &args.svg {
        std::fs::write(path, nest.to_svg()).with_context(|| path.display().to_string())?;
    }
    if args.json {
        let sketches = space.sketches.iter().map(|s| json!({ "name": s.name, "points": points(&s.decisions) }));
        return table::json(&json!({
            "model": groups.name, "group": i, "operators": groups.operators(i), "hash": workload.hash().to_string(),
            "workload": workload, "flops": workload.flops(), "bytes": workload.bytes(),
            "sketches": sketches.collect::<Vec<_>>(), "schedule": schedule, "schedule_from": from,
            "nest": nest.to_string(), "code": code,
        }));
    }
    if args.code {
        out!("{code}");
        return Ok(());
    }
    head(groups, i, &workload, &space);
    out!("schedule: {from}\n{schedule}\n{nest}\n{code}");
    Ok(())
}

fn head(groups: &Groups, i: usize, workload: &Workload, space: &Space) {
    out!("{}, group {i}: {}", Plain(&groups.name), groups.operators(i));
    out!("{}, {}, hash {}", gflop(workload), Bytes(workload.bytes()), workload.hash());
    out!("\n{workload}");
    let row = |sketch: &tachograph_program::Sketch| {
        let count = points(&sketch.decisions).map_or("beyond 10³⁸".into(), |n| n.to_string());
        let decisions = sketch.decisions.iter().map(Decision::to_string).collect::<Vec<_>>().join(", ");
        [sketch.name.clone(), count, decisions]
    };
    table::table(&["sketch", "points", "decisions"], &space.sketches.iter().map(row).collect::<Vec<_>>());
    out!("");
}

fn gflop(workload: &Workload) -> String {
    format!("{:.4} GFLOP", workload.flops() as f64 / 1e9)
}

/// How many points decisions make; `None` beyond 128 bits.
fn points(decisions: &[Decision]) -> Option<u128> {
    decisions.iter().try_fold(1u128, |n, decision| n.checked_mul(decision.count()))
}
