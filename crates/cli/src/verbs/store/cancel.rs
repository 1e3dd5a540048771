//! `tachograph store cancel`.

use anyhow::{Result, ensure};
use tachograph_store::JobId;

use crate::{
    exit,
    store::{Place, who},
};

/// Cancel jobs that have not ended
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// Their numbers.
    #[arg(required = true)]
    jobs: Vec<JobId>,
    #[command(flatten)]
    place: Place,
    /// Why.
    #[arg(long)]
    why: Option<String>,
}

pub fn run(args: &Args) -> Result<()> {
    let store = args.place.open()?;
    let why = args.why.clone().unwrap_or_else(|| format!("cancelled by {}", who()));
    exit::each(&args.jobs, |id| {
        ensure!(store.cancel(*id, &why)?, "job {id} has ended already");
        out!("job {id}: cancelled");
        Ok(())
    })
}
