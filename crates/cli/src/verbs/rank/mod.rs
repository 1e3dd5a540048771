//! `tachograph rank`.

#[cfg(feature = "torch")]
mod run;

use std::path::PathBuf;

#[cfg(feature = "torch")]
pub use run::run;

/// Rank the configurations of a compiler by a checkpoint, the fastest first (docs/ranking.md)
#[derive(clap::Args)]
#[command(after_help = super::after_help())]
#[cfg_attr(not(feature = "torch"), allow(dead_code, reason = "help and the check of values alone"))]
pub struct Args {
    /// Archives (.npz) of graphs with configurations, tuning records of XLA (.pb), or folders of them.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// A checkpoint of a network that ranks: `best.safetensors` of a run.
    #[arg(long)]
    checkpoint: PathBuf,
    /// So many of each graph, the first; 0: all.
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// A table of comma-separated values.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// One JSON object a graph, each on a line: `configurations` has the order.
    #[arg(long)]
    json: bool,
    /// Also write the table of the TpuGraphs competition here, of graphs in folders of its five collections, and check it.
    #[arg(long)]
    submission: Option<PathBuf>,
    /// Where libtorch computes: cpu, cuda or cuda:N.
    #[arg(long, default_value = "cpu")]
    device: String,
}

#[cfg(not(feature = "torch"))]
pub fn run(_: &Args) -> anyhow::Result<()> {
    super::absent("rank")
}
