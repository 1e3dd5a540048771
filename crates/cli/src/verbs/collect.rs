//! `tachograph collect`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tachograph_profile::{Collected, Collection, Collector, Protocol, device};

use super::threads;
use crate::{exit, table};

/// Measure generated networks on this machine and write a data set; killed, it goes on where it stopped
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// Folder of the data set, new or begun.
    #[arg(long)]
    out: PathBuf,
    /// Name of the device within the set.
    #[arg(long)]
    name: String,
    /// `cpu`, `cuda` or `cuda:N`.
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Networks of each family.
    #[arg(long, default_value_t = 250)]
    count: u64,
    /// Seed of the networks.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads of libtorch.
    #[arg(long, default_value_t = 1, value_parser = threads())]
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
    /// First drop measurements whose quartiles are further apart than this share of the median: they are made again.
    #[arg(long)]
    again: Option<f64>,
    /// The outcome as a JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let device = device(&args.device)?;
    tch::set_num_threads(args.threads);
    let (warm_up_limit, time_limit, energy) = (args.time_limit / 2.0, args.time_limit, args.energy);
    let usual = Protocol::default();
    let protocol = Protocol { warm_up_limit, time_limit, min_repeats: 4, max_repeats: 100, energy, ..usual };
    let (count, seed, visits) = (args.count, args.seed, args.visits);
    let (name, batches) = (args.name.clone(), args.batches.clone());
    let collection = Collection { name, device, count, seed, visits, protocol, batches };
    let mut collector = Collector::open(&args.out, collection)?;
    collector.warnings().iter().for_each(|warning| eprintln!("warning: {warning}"));
    if let Some(spread) = args.again {
        eprintln!("measuring {} networks again", collector.forget(spread)?);
    }
    let template = "{wide_bar} {pos}/{len} {elapsed} elapsed, {eta} left";
    let bar = ProgressBar::new(collector.networks()).with_style(ProgressStyle::with_template(template)?);
    let mut skipped = 0;
    collector.run(|collected| {
        if let Collected::Skipped(network, why) = collected {
            skipped += 1;
            bar.suspend(|| eprintln!("skipped {network}: {why}"));
        }
        bar.inc(1);
    })?;
    bar.finish_and_clear();
    let (networks, measurements) = collector.finish().context("finishing the data set")?;
    let out = args.out.display();
    if args.json {
        let out = out.to_string();
        return table::json(
            &json!({ "set": out, "networks": networks, "measurements": measurements, "skipped": skipped }),
        );
    }
    out!("{out}: {networks} networks, {measurements} measurements, {skipped} skipped");
    Ok(())
}
