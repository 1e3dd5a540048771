//! Replays a tuner on a recorded space.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};
use tachograph_tune::{Collected, Recorded, Source, Trial, Tuner};

use super::Args;
use crate::table;

/// What one seed came to.
struct Run {
    trials: usize,
    failed: usize,
    best_ms: Option<f64>,
    config: Map<String, Value>,
    /// The trial that found the best, and the first within 5 % of the best of the table.
    found_at: usize,
    near_at: Option<usize>,
}

pub fn run(args: &Args, path: &Path, tuner: &Tuner) -> Result<()> {
    let space = space(path, args.device.as_deref(), args.task.as_deref(), tuner)?;
    let sources = args.from.iter().map(|from| source(args, from, tuner)).collect::<Result<Vec<_>>>()?;
    let optimum = space.best_ms();
    let mut runs = Vec::new();
    for seed in 0..args.seeds {
        let mut run = Run { trials: 0, failed: 0, best_ms: None, config: Map::new(), found_at: 0, near_at: None };
        let each = |trial: &Trial| {
            run.trials += 1;
            match trial.outcome {
                Ok(time) if run.best_ms.is_none_or(|best| time < best) => {
                    (run.best_ms, run.found_at) = (Some(time), run.trials);
                    run.config = space.config(&trial.point);
                    if run.near_at.is_none() && optimum.is_some_and(|optimum| time <= 1.05 * optimum) {
                        run.near_at = Some(run.trials);
                    }
                }
                Ok(_) => {}
                Err(_) => run.failed += 1,
            }
            match args.json {
                true => table::json(&line(seed, run.trials, space.config(&trial.point), trial, run.best_ms)),
                false => Ok(()),
            }
        };
        let mut strategy = tuner.strategy(None)?;
        if !sources.is_empty() {
            let used = strategy.remember(space.domain(), &sources)?;
            ensure!(used, "{} makes nothing of --from: it cannot, or nothing in there ran", tuner.name);
        }
        space.replay(strategy, seed as u64, args.trials.unwrap_or(100), each)?;
        runs.push(run);
    }
    if !args.json {
        said(&space, tuner, &sources, &runs);
    }
    Ok(())
}

/// Of a table, or of a file of measured programs, which is of one task and device.
fn space(path: &Path, device: Option<&str>, task: Option<&str>, tuner: &Tuner) -> Result<Recorded> {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".jsonl.gz"));
    let Some(name) = name else {
        ensure!(
            tuner.reads_tables(),
            "{} reads programs, and {} is a table of configurations",
            tuner.name,
            path.display()
        );
        return Ok(Recorded::read(path, device, task)?);
    };
    ensure!(device.or(task).is_none(), "{} is of one task: neither --device nor --task can be chosen", path.display());
    Ok(Recorded::of_programs(name, &Collected::read(path)?, tuner)?)
}

/// FILE, FILE:DEVICE or FILE:DEVICE:TASK; the task is the searched one where none is named.
fn source(args: &Args, from: &str, tuner: &Tuner) -> Result<Source> {
    let mut parts = from.splitn(3, ':');
    let (file, device, task) = (parts.next().unwrap_or(from), parts.next(), parts.next());
    Ok(space(file.as_ref(), device, task.or(args.task.as_deref()), tuner)?.source())
}

fn line(seed: usize, number: usize, config: Map<String, Value>, trial: &Trial, best_ms: Option<f64>) -> Value {
    let mut line = json!({ "seed": seed, "trial": number, "config": config });
    match &trial.outcome {
        Ok(time) => line["time_ms"] = json!(time),
        Err(error) => line["error"] = json!(error),
    }
    line["best_ms"] = json!(best_ms);
    line
}

fn said(space: &Recorded, tuner: &Tuner, sources: &[Source], runs: &[Run]) {
    let optimum = space.best_ms();
    let points = table::counted(space.outcomes().len(), "configuration");
    let failed = space.outcomes().iter().filter(|outcome| outcome.is_err()).count();
    let failed = if failed > 0 { format!(", {failed} of which failed") } else { String::new() };
    out!("{}: {points}{failed}", space.name);
    if let Some(best) = optimum {
        let near = space.within(0.05);
        let draws = (space.outcomes().len() + 1) as f64 / (near + 1) as f64;
        out!("best {best} ms; {near} within 5 % of it, to meet one of which random takes {draws:.0} trials on average");
    }
    out!("{}: {} ({})", tuner.name, tuner.about, tuner.source);
    for source in sources {
        out!("starts from {} of {}", table::counted(source.trials.len(), "record"), source.name);
    }
    out!("");
    let share = |best: Option<f64>| Some(format!("{:.2}", 100.0 * optimum? / best?));
    let row = |(seed, run): (usize, &Run)| {
        let best = run.best_ms.map_or("–".into(), |best| best.to_string());
        let at = if run.found_at > 0 { run.found_at.to_string() } else { "–".into() };
        let near = run.near_at.map_or("–".into(), |at| at.to_string());
        let share = share(run.best_ms).unwrap_or("–".into());
        [seed.to_string(), run.trials.to_string(), run.failed.to_string(), best, at, share, near]
    };
    let titles = ["seed", "trials", "failed", "best ms", "found at", "% of the best", "within 5 % at"];
    table::table(&titles, &runs.iter().enumerate().map(row).collect::<Vec<_>>());
    // The first of equal ones, so that the same command says the same.
    let fine = runs.iter().filter_map(|run| Some((run.best_ms?, run)));
    if let Some((best, run)) = fine.reduce(|a, b| if b.0 < a.0 { b } else { a }) {
        let pair = |(name, value): (&String, &Value)| match value {
            Value::String(text) => format!("{name}={}", tachograph_ir::Plain(text)),
            other => format!("{name}={other}"),
        };
        out!("\n{best} ms with {}", run.config.iter().map(pair).collect::<Vec<_>>().join(" "));
    }
}
