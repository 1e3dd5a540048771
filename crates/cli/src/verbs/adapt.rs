//! `tachograph adapt`, in short for `tachograph transfer --by checkpoint`.

use anyhow::Result;

use super::transfer::{self, By};

/// In short for `transfer --by checkpoint`: adapt a checkpoint to a new device
// clap names groups after structs, and `transfer::Args` is called so too.
#[derive(clap::Args)]
#[group(id = "adapt")]
pub struct Args {
    #[command(flatten)]
    transfer: transfer::Args,
}

pub fn run(args: &Args) -> Result<()> {
    transfer::by(&args.transfer, By::Checkpoint)
}
