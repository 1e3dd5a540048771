//! Takes jobs, and has this program's hidden verb `runner` measure them.

use std::{
    env,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::Result;
use serde_json::json;
use tachograph_ir::Plain;
use tachograph_profile::{Environment, device};
use tachograph_store::{ChildRunner, Error, Job, Outcome, Runner, Worker};

use super::{Args, asked::Asked};
use crate::{
    here::{Here, machine},
    table,
};

pub fn run(args: &Args) -> Result<()> {
    // The device is there, or the worker is of no use.
    let hardware = Environment::here(device(&args.device)?).device;
    let name = args.name.clone().unwrap_or_else(|| Here::with(&hardware).name);
    let store = args.place.open()?;
    let Asked { stop, interrupted } = Asked::listen()?;
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds);
    let mut command = vec![env::current_exe()?.into_os_string()];
    let threads = args.threads.to_string();
    for word in ["runner", "--device", &args.device, "--name", &name, "--threads", &threads] {
        command.push(word.into());
    }
    let runner = ChildRunner { interrupted, ..ChildRunner::new(command, seconds(args.limit)?) };
    let lease = seconds(args.lease)?;
    // A hardware that many machines share is no name to take jobs by.
    let called: Vec<String> =
        if Here::with(&hardware).name == hardware { vec![name.clone(), hardware] } else { vec![name.clone()] };
    let worker = Worker { lease, ..Worker::new(format!("{} {}", machine(), std::process::id()), called) };
    eprintln!("{}: measures for {} ({})", worker.name, store.location(), Plain(&worker.called.join(", ")));
    let done = if args.until_idle {
        until_idle(&worker, &store, &runner, &stop, |job, outcome| say(args, job, outcome))
    } else {
        worker.run(&store, &runner, &stop, |job, outcome| say(args, job, outcome))
    };
    match done {
        // It was interrupted, and gave the job back.
        Err(Error::Runner(_)) if stop.load(Ordering::SeqCst) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

fn until_idle(
    worker: &Worker,
    store: &tachograph_store::Store,
    runner: &impl Runner,
    stop: &AtomicBool,
    mut observe: impl FnMut(&Job, &Outcome),
) -> tachograph_store::Result<u64> {
    let mut jobs = 0;
    worker.announce(store)?;
    while !stop.load(Ordering::SeqCst)
        && let Some((job, outcome)) = worker.run_one(store, runner)?
    {
        jobs += 1;
        observe(&job, &outcome);
    }
    Ok(jobs)
}

fn say(args: &Args, job: &Job, outcome: &Outcome) {
    if args.json {
        let line =
            json!({ "job": job.id, "device": job.device, "batch": job.batch, "attempt": job.attempts, "end": outcome });
        table::json(&line).ok();
        return;
    }
    match outcome {
        Outcome::Done => out!("job {}: done", job.id),
        Outcome::Failed(why) => out!("job {}: failed: {}", job.id, Plain(why)),
        Outcome::Quarantined(why) => out!("job {}: quarantined: {}", job.id, Plain(why)),
        Outcome::Lost => out!("job {}: no longer this worker's", job.id),
    }
}
