//! `tachograph runner`, which a worker starts for each job: it reads what to measure from standard input, a line of JSON,
//! and says what it took on standard output. A network that crashes it takes no worker with it.

#[cfg(feature = "torch")]
mod run;

#[cfg(feature = "torch")]
pub use run::run;

use crate::args;

/// Measure what a worker asks for on standard input
#[derive(clap::Args)]
#[cfg_attr(not(feature = "torch"), allow(dead_code, reason = "help and the check of values alone"))]
pub struct Args {
    /// `cpu`, `cuda` or `cuda:N`.
    #[arg(long)]
    device: String,
    /// What the device is called in the store.
    #[arg(long)]
    name: String,
    /// Threads of libtorch.
    #[arg(long, value_parser = args::threads)]
    threads: i32,
}

#[cfg(not(feature = "torch"))]
pub fn run(_: &Args) -> anyhow::Result<()> {
    super::absent("runner")
}
