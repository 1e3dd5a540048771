//! `tachograph store top`.

use std::{thread, time::Duration};

use anyhow::Result;
use tachograph_ir::Plain;
use tachograph_store::{Moment, Queue, Store};

use crate::{args, exit, store::Place, table, verbs::query::ago};

/// Show devices, their queues, who measures what, and how fast
#[derive(clap::Args)]
#[command(after_help = exit::CODES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Again and again, so many seconds apart.
    #[arg(long, value_name = "SECONDS", value_parser = args::positive, num_args = 0..=1, default_missing_value = "2")]
    watch: Option<f64>,
    /// One JSON object a device, each on a line.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let store = args.place.existing()?;
    loop {
        show(args, &store)?;
        let Some(seconds) = args.watch else { return Ok(()) };
        thread::sleep(Duration::try_from_secs_f64(seconds)?);
        if !args.json {
            out!("");
        }
    }
}

fn show(args: &Args, store: &Store) -> Result<()> {
    let (queues, now) = (store.top()?, Moment::now());
    if args.json {
        return queues.iter().try_for_each(table::json);
    }
    if queues.is_empty() {
        out!("{}: no jobs wait, and none ended within the hour", store.location());
        return Ok(());
    }
    let row = |queue: &Queue| {
        [
            queue.device.clone(),
            queue.queued.to_string(),
            queue.oldest.map_or("–".into(), |since| ago(since.age(now).as_secs())),
            queue.busy.len().to_string(),
            queue.done.to_string(),
            queue.failed.to_string(),
            queue.quarantined.to_string(),
            format!("{:.0}", queue.per_hour),
        ]
    };
    let titles = ["device", "queued", "oldest", "at work", "done", "failed", "quarantined", "an hour"];
    table::table(&titles, &queues.iter().map(row).collect::<Vec<_>>());
    for busy in queues.iter().flat_map(|queue| &queue.busy) {
        let left = now.age(busy.until).as_secs();
        out!("job {}: {} (lease: {left} s)", busy.job, Plain(&busy.worker));
    }
    Ok(())
}
