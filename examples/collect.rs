//! Measures generated networks on a device and writes a data set. Killed, it goes on where it stopped.
//!
//!     cargo run --release --example collect -- --out datasets/my-device --name my-device

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use tachograph_datasets::{
    Key, NetworkId, Record, Run, Writer,
    generate::{Family, Network, sample},
};
use tachograph_gnn::device;
use tachograph_ir::{Assignment, BoundGraph, DType, Graph};
use tachograph_profile::{Environment, Measurement, Protocol, Session};

#[derive(Parser)]
#[command(about)]
struct Args {
    /// Folder of the data set, new or begun.
    #[arg(long)]
    out: PathBuf,
    /// Name of the device within the set.
    #[arg(long)]
    name: String,
    /// `cpu` or `cuda:N`.
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Networks of each family.
    #[arg(long, default_value_t = 250)]
    count: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads of libtorch.
    #[arg(long, default_value_t = 1)]
    threads: i32,
    /// Visits to each network; those of one network of each family take turns. 0 measures memory alone.
    #[arg(long, default_value_t = 3)]
    visits: usize,
    /// Longest time for the repeats of one visit, in seconds.
    #[arg(long, default_value_t = 0.2)]
    time_limit: f64,
    /// Shortest time for the repeats of one visit on a GPU, in seconds, over which its energy is measured.
    #[arg(long, default_value_t = 0.2)]
    energy: f64,
    /// What to multiply the sampled batch with, in turn for the networks of a family: a GPU is idle at small ones.
    #[arg(long, value_delimiter = ',', default_value = "1", value_parser = clap::value_parser!(u64).range(1..))]
    batches: Vec<u64>,
    /// First drop measurements whose quartiles are further apart than this share of the median: they are
    /// made again.
    #[arg(long)]
    again: Option<f64>,
}

fn main() -> ExitCode {
    tachograph_examples_graphs::exit(|| run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let device = device(&args.device)?;
    tch::set_num_threads(args.threads);
    let (warm_up_limit, time_limit) = (args.time_limit / 2.0, args.time_limit);
    let (energy, usual) = (args.energy, Protocol::default());
    let protocol = Protocol { warm_up_limit, time_limit, min_repeats: 4, max_repeats: 100, energy, ..usual };
    let description =
        serde_json::json!({ "visits": args.visits, "visit": protocol, "batches": args.batches }).to_string();
    let run = Run { device: args.name.clone(), protocol: description, seed: args.seed };
    let mut writer = Writer::resume(&args.out, run)?;
    writer.warnings().iter().for_each(|w| eprintln!("warning: {w}"));
    if let Some(spread) = args.again {
        let dropped =
            writer.forget(|r| r.iqr_ms.zip(r.median_ms).is_some_and(|(iqr, median)| iqr > spread * median))?;
        eprintln!("measuring {dropped} networks again");
    }

    let template = "{wide_bar} {pos}/{len} {elapsed} elapsed, {eta} left  {msg}";
    let bar =
        ProgressBar::new(args.count * Family::ALL.len() as u64).with_style(ProgressStyle::with_template(template)?);
    let mut skipped = 0;
    for index in 0..args.count {
        let mut sessions: Vec<(Key, Network, Session)> = Vec::new();
        for family in Family::ALL {
            let network = sample(family, args.seed, index)?;
            let bound = bind(&network.graph, args.batches[index as usize % args.batches.len()])?;
            let id = NetworkId::generated(family.to_string(), args.seed, index);
            let (config, threads) = (bound.config().clone(), args.threads as u32);
            let key = Key { network: id, config, dtype: DType::F32, threads };
            if writer.has(&key) {
                bar.inc(1);
                continue;
            }
            match Session::new(&bound, device) {
                Ok(session) => sessions.push((key, network, session)),
                Err(error) => {
                    skipped += 1;
                    bar.suspend(|| eprintln!("skipped {}: {error}", key.network));
                }
            }
        }
        for _ in 0..args.visits {
            sessions.iter_mut().try_for_each(|(.., session)| session.visit(&protocol))?;
        }
        for (key, network, session) in sessions {
            let times = if args.visits == 0 { None } else { Some(session.result()?) };
            let record = record(key, &args.name, &session, times);
            match record.check() {
                Ok(()) => _ = writer.append(&network.graph, &record)?,
                Err(error) => {
                    skipped += 1;
                    bar.suspend(|| eprintln!("skipped {}: {error}", record.network));
                }
            }
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let meta = writer.finish().context("finishing the data set")?;
    let measured: usize = meta.devices.iter().map(|d| d.file.count).sum();
    println!("{}: {} networks, {measured} measurements, {skipped} skipped", args.out.display(), meta.graphs.count);
    Ok(())
}

/// Bound at so many times its own batch.
fn bind(graph: &Graph, times: u64) -> Result<BoundGraph> {
    let bound = graph.bind(&Assignment::new())?;
    let config = Assignment::from([("batch".into(), times * bound.batch())]);
    Ok(if times == 1 { bound } else { graph.bind(&config)? })
}

fn record(key: Key, name: &str, session: &Session, times: Option<Measurement>) -> Record {
    let environment = Environment::here(session.executor().device());
    let times = times.as_ref();
    Record {
        network: key.network,
        config: key.config,
        device: name.into(),
        hardware: environment.device,
        governor: environment.governor,
        dtype: key.dtype,
        threads: key.threads,
        median_ms: times.map(|m| m.median_ms),
        iqr_ms: times.map(|m| m.iqr_ms),
        min_ms: times.map(|m| m.min_ms),
        repeats: times.map_or(0, |m| m.repeats as u32),
        peak_bytes: session.peak_memory(),
        energy_j: times.and_then(|m| m.energy),
        date: environment.date,
        library: environment.library,
        protocol: 2,
    }
}
