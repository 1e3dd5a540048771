//! `tachograph profile`.

#[cfg(feature = "torch")]
mod run;

#[cfg(feature = "torch")]
pub use run::run;

use crate::{args, models::Models, store::Record};

/// Measure model files on this machine: whole, per operator, in memory, and on NVIDIA GPUs in energy
#[derive(clap::Args)]
#[command(after_help = super::after_help())]
#[cfg_attr(not(feature = "torch"), allow(dead_code, reason = "help and the check of values alone"))]
pub struct Args {
    #[command(flatten)]
    models: Models,
    /// `cpu`, `cuda` or `cuda:N`; give it again for several.
    #[arg(long, default_value = "cpu")]
    device: Vec<String>,
    /// Threads of libtorch, at most as many as the machine has cores.
    #[arg(long, default_value_t = 1, value_parser = args::threads)]
    threads: i32,
    /// Operators to list.
    #[arg(long, default_value_t = 10, value_parser = args::count)]
    top: usize,
    #[command(flatten)]
    record: Record,
    /// One JSON object for each model and device, each on a line.
    #[arg(long)]
    json: bool,
}

#[cfg(not(feature = "torch"))]
pub fn run(_: &Args) -> anyhow::Result<()> {
    super::absent("profile")
}
