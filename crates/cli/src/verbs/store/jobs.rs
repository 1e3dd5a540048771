//! `tachograph store jobs`.

use anyhow::Result;
use tachograph_store::{Job, JobFilter, JobId, State};

use super::minute;
use crate::{exit, store::Place, table};

/// List jobs, the newest first, with why those that failed did
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    /// Only these, by number.
    jobs: Vec<JobId>,
    #[command(flatten)]
    place: Place,
    /// queued, leased, done, failed, quarantined or cancelled.
    #[arg(long)]
    state: Option<State>,
    /// That ask for this device.
    #[arg(long)]
    device: Option<String>,
    /// So many at most.
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// One JSON object a job, each on a line.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let store = args.place.existing()?;
    let jobs = if args.jobs.is_empty() {
        let (state, device) = (args.state, args.device.clone());
        store.jobs(&JobFilter { state, device, submitter: None, limit: Some(args.limit) })?
    } else {
        args.jobs.iter().map(|id| store.job(*id)).collect::<Result<_, _>>()?
    };
    if args.json {
        return jobs.iter().try_for_each(table::json);
    }
    let row = |job: &Job| {
        let let_go =
            |reason: &String| if job.released_at.is_some() { format!("{reason} (let go)") } else { reason.clone() };
        let measured = job.result.as_ref().and_then(|reading| Some(format!("{:.3} ms", reading.median_ms?)));
        [
            job.id.to_string(),
            job.state.to_string(),
            job.device.clone(),
            job.batch.to_string(),
            job.attempts.to_string(),
            minute(job.submitted_at),
            job.worker.clone().unwrap_or("–".into()),
            measured.or_else(|| job.reason.as_ref().map(let_go)).unwrap_or_default(),
        ]
    };
    let titles = ["job", "state", "device", "batch", "tried", "submitted (UTC)", "worker", "outcome"];
    table::table(&titles, &jobs.iter().map(row).collect::<Vec<_>>());
    Ok(())
}
