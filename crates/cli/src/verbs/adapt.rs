//! `tachograph adapt`, in short for `tachograph transfer --by checkpoint`.

use anyhow::Result;

use super::transfer::{self, By};

/// In short for `transfer --by checkpoint`: adapt a checkpoint to a new device
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    transfer: transfer::Args,
}

pub fn run(args: &Args) -> Result<()> {
    transfer::by(&args.transfer, By::Checkpoint)
}
