//! `tachograph worker`.

#[cfg(feature = "torch")]
mod asked;
#[cfg(feature = "torch")]
mod run;

#[cfg(feature = "torch")]
pub use run::run;

use crate::{args, store::Place};

/// Measure on a device of this machine what others ask for (`query --measure`), until Ctrl-C
///
/// Each network runs in a process of its own, which is told nothing of the store. Ctrl-C ends that process and whatever it
/// started, and gives the job at hand back; SIGTERM finishes the job first.
#[derive(clap::Args)]
#[command(after_help = super::after_help())]
#[cfg_attr(not(feature = "torch"), allow(dead_code, reason = "help and the check of values alone"))]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// `cpu`, `cuda` or `cuda:N`.
    #[arg(long, default_value = crate::here::CPU)]
    device: String,
    /// What the device is called in the store, and in jobs; else its hardware. Its hardware is always one of its names.
    #[arg(long, value_parser = args::name)]
    name: Option<String>,
    /// Threads of libtorch, at most as many as the machine has cores.
    #[arg(long, default_value_t = 1, value_parser = args::threads)]
    threads: i32,
    /// A job goes to another worker when this one has not been heard of for so many seconds.
    #[arg(long, default_value_t = 60.0, value_parser = args::positive)]
    lease: f64,
    /// A job takes so many seconds at most; the process that measures is then ended.
    #[arg(long, default_value_t = 600.0, value_parser = args::positive)]
    limit: f64,
    /// End when no job waits.
    #[arg(long)]
    until_idle: bool,
    /// One JSON object a job, each on a line.
    #[arg(long)]
    json: bool,
}

#[cfg(not(feature = "torch"))]
pub fn run(_: &Args) -> anyhow::Result<()> {
    super::absent("worker")
}
