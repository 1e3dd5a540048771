//! `tachograph program measure`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rand::SeedableRng;
use serde_json::json;
use tachograph_program::{Compiler, Cpu, Measurer, Schedule, Settings, Workload};
use tachograph_store::Store;
use tachograph_tune::live::space;

use super::picked::{Which, best};
use crate::{args, exit, here::Here, store, table, tuned};

/// Measure schedules of one group here, drawn at random from its sketches, and keep them in the store
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    record: store::Record,
    /// How many schedules; those that the store knows are drawn anew.
    #[arg(long, default_value_t = 64, value_parser = args::count)]
    points: usize,
    /// Of the draw.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Time these, up to 16 in turns, rather than draw: JSON lines with a `schedule` each, as this command writes them. They are
    /// timed though the store knows them, and not kept.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["points", "seed", "store"])]
    schedules: Option<PathBuf>,
    /// One JSON object a schedule, each on a line.
    #[arg(long)]
    json: bool,
}

/// So many are compiled and timed in turns.
const TOGETHER: usize = 16;

pub fn run(args: &Args) -> Result<()> {
    let groups = args.which.groups()?;
    let i = args.which.group.context("which group? --group N; `tachograph program show MODEL` lists them")?;
    let workload = groups.workload(i)?;
    let here = Here::cpu().context("the system does not say which processor this machine has")?;
    let store = if args.schedules.is_some() { None } else { args.record.open()? };
    let mut cpu = Cpu::new(Compiler::find()?, Settings::default())?;
    let schedules = match &args.schedules {
        Some(file) => read(file)?,
        None => drawn(args, &workload, store.as_ref(), &here)?,
    };
    let none = match &args.schedules {
        Some(file) => format!("{}: there is no schedule", file.display()),
        None => format!("all schedules of group {i} that {} draws gave are known", 20 * args.points),
    };
    ensure!(!schedules.is_empty(), none);
    let mut fastest: Option<f64> = None;
    let mut failed = 0;
    for some in schedules.chunks(TOGETHER) {
        let records = cpu.measure(&workload, some)?;
        if let Some(store) = &store {
            let kept = records.iter().map(|record| tuned::kept(record, &here)).collect::<Result<Vec<_>>>()?;
            store.put_tuning(&kept)?;
        }
        for record in &records {
            let ms = record.outcome.nanoseconds().map(|ns| ns / 1e6);
            fastest = [fastest, ms].into_iter().flatten().reduce(f64::min);
            failed += usize::from(ms.is_none());
            if args.json {
                table::json(&json!({ "group": i, "schedule": record.schedule, "outcome": record.outcome }))?;
            }
        }
    }
    if args.json {
        return Ok(());
    }
    let known = store.as_ref().map(|store| best(store, &workload)).transpose()?.flatten();
    out!("{} of group {i}, {failed} of them failed", table::counted(schedules.len(), "schedule"));
    let rate = |ms: f64| format!("{ms:.4} ms, {:.1} GFLOP/s", workload.flops() as f64 / ms / 1e6);
    fastest.into_iter().for_each(|ms| out!("fastest of these: {}", rate(ms)));
    known.into_iter().for_each(|(_, ms)| out!("fastest known here: {}", rate(ms)));
    Ok(())
}

/// The schedules of a file of JSON lines.
fn read(file: &Path) -> Result<Vec<Schedule>> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let schedule = |(at, line): (usize, &str)| {
        #[derive(serde::Deserialize)]
        struct Line {
            schedule: Schedule,
        }
        let line: Line = serde_json::from_str(line).with_context(|| format!("{}:{}", file.display(), at + 1))?;
        Ok(line.schedule)
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(schedule).collect()
}

/// Schedules that nobody has measured here.
fn drawn(args: &Args, workload: &Workload, store: Option<&Store>, here: &Here) -> Result<Vec<Schedule>> {
    let known = match store {
        Some(store) => store.tuning(&workload.hash().to_string(), &here.name, u32::MAX)?,
        None => Vec::new(),
    };
    let mut seen: std::collections::HashSet<String> =
        known.into_iter().map(|record| record.trace.to_string()).collect();
    let space = space(workload)?;
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(args.seed);
    let mut schedules = Vec::new();
    for _ in 0..20 * args.points {
        let Some(point) = space.sample(&mut rng) else { break };
        let schedule = space.schedule(&point)?;
        if seen.insert(serde_json::to_value(&schedule)?.to_string()) {
            schedules.push(schedule);
        }
        if schedules.len() == args.points {
            break;
        }
    }
    Ok(schedules)
}
