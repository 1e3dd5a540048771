//! `tachograph program measure`.

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
    let store = args.record.open()?;
    let mut cpu = Cpu::new(Compiler::find()?, Settings::default())?;
    let schedules = drawn(args, &workload, store.as_ref(), &here)?;
    ensure!(!schedules.is_empty(), "all schedules of group {i} that {} draws gave are known", 20 * args.points);
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
