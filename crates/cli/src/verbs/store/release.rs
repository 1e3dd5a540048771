//! `tachograph store release`.

use anyhow::Result;
use tachograph_store::JobId;

use crate::{exit, store::Place, table};

/// Let graphs that made a worker crash go, by a quarantined job of each: they may be submitted for its device again
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// Numbers of quarantined jobs (`store jobs --state quarantined`).
    #[arg(required = true)]
    jobs: Vec<JobId>,
    #[command(flatten)]
    place: Place,
}

pub fn run(args: &Args) -> Result<()> {
    let store = args.place.open()?;
    exit::each(&args.jobs, |id| {
        match store.release(*id)? {
            0 => out!("job {id}: let go before"),
            jobs => out!("job {id}: let go, {}", table::counted(jobs as usize, "job")),
        }
        Ok(())
    })
}
