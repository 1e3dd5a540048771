//! `tachograph collect`.

#[cfg(feature = "torch")]
mod run;

use std::path::PathBuf;

#[cfg(feature = "torch")]
pub use run::run;

use crate::{args, store::Record};

/// Measure generated networks on this machine and write a data set, and the store as it goes; killed, it goes on where it
/// stopped
#[derive(clap::Args)]
#[command(after_help = super::after_help())]
#[cfg_attr(not(feature = "torch"), allow(dead_code, reason = "help and the check of values alone"))]
pub struct Args {
    /// Folder of the data set, new or begun.
    #[arg(long)]
    out: PathBuf,
    /// Name of the device within the set.
    #[arg(long, value_parser = args::name)]
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
    /// Threads of libtorch, at most as many as the machine has cores.
    #[arg(long, default_value_t = 1, value_parser = args::threads)]
    threads: i32,
    /// Visits to each network; those of one network of each family take turns. 0 measures memory alone.
    #[arg(long, default_value_t = 3, value_parser = args::count)]
    visits: usize,
    /// Longest time for the repeats of one visit, in seconds.
    #[arg(long, default_value_t = 0.2, value_parser = args::positive)]
    time_limit: f64,
    /// Shortest time for the repeats of one visit on a GPU, in seconds, over which its energy is measured.
    #[arg(long, default_value_t = 0.2, value_parser = args::positive)]
    energy: f64,
    /// What to multiply the sampled batch with, in turn for the networks of a family: a GPU is idle at small ones.
    #[arg(long, value_delimiter = ',', default_value = "1", value_parser = clap::value_parser!(u64).range(1..))]
    batches: Vec<u64>,
    /// First drop measurements whose quartiles are further apart than this share of the median: they are made again.
    #[arg(long)]
    again: Option<f64>,
    #[command(flatten)]
    record: Record,
    /// The outcome as a JSON object.
    #[arg(long)]
    json: bool,
}

#[cfg(not(feature = "torch"))]
pub fn run(_: &Args) -> anyhow::Result<()> {
    super::absent("collect")
}
