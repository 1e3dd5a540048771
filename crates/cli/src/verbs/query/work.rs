//! Having a model measured: here, or by a worker of the device.

use std::time::Duration;

use anyhow::{Result, bail};
use tachograph_ir::Plain;
use tachograph_store::{Error, State, Store, Submission};

use super::{Ask, Line, measure};
use crate::{args, store::who};

/// How to measure what was not.
#[derive(clap::Args)]
pub struct Work {
    /// Measure what was not measured: here, where the store is a file and the device this machine's (needs libtorch), else by
    /// a job for a worker of the device.
    #[arg(long)]
    pub measure: bool,
    /// Do not wait for the job: say its number, and what is known until then.
    #[arg(long, requires = "measure")]
    no_wait: bool,
    /// Wait for the job so many seconds at most; it goes on.
    #[arg(long, requires = "measure", conflicts_with = "no_wait", value_parser = args::positive)]
    wait: Option<f64>,
    /// Jobs of a higher priority are taken first.
    #[arg(long, requires = "measure", default_value_t = 0, value_parser = clap::value_parser!(i32).range(-1000..=1000))]
    priority: i32,
    /// Give the job up if no worker has taken it after so many seconds.
    #[arg(long, requires = "measure", value_parser = args::positive)]
    deadline: Option<f64>,
    /// Measure what made a worker of the device crash before.
    #[arg(long, requires = "measure")]
    retry: bool,
}

/// Without `--wait`: a year.
const LONG: Duration = Duration::from_secs(365 * 86_400);

impl Work {
    /// Measures, or asks a worker to; whether it is done.
    pub fn done(&self, store: &Store, ask: &Ask<'_>, line: &mut Line) -> Result<bool> {
        if let (Some(here), true) = (&ask.wanted.here, store.location().path().is_some()) {
            measure::now(store, ask, here)?;
            return Ok(true);
        }
        let (graph, device) = (store.put_graph(ask.network)?, ask.wanted.in_store(store)?);
        let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(LONG);
        let submission = Submission {
            priority: self.priority,
            deadline: self.deadline.map(seconds),
            submitter: who(),
            retry: self.retry,
            ..Submission::new(graph, ask.network.batch(), &device)
        };
        let id = match store.submit(&submission) {
            Err(error @ Error::Quarantined { job, .. }) => bail!(
                "{}: {error}; --retry submits it all the same, and `tachograph store release {job}` lets it go",
                line.model
            ),
            id => id?,
        };
        line.warnings.extend(unserved(store, &device)?);
        line.job = Some(id);
        if self.no_wait {
            return Ok(false);
        }
        let job = store.wait(id, self.wait.map_or(LONG, seconds))?;
        match job.state {
            State::Done => Ok(true),
            state if !state.is_ended() => Ok(false),
            state => bail!("{}: job {id} {state}: {}", line.model, job.reason.unwrap_or_default()),
        }
    }
}

/// What to know of a job for a device that no worker has ever served.
fn unserved(store: &Store, device: &str) -> Result<Option<String>> {
    if store.is_served(device)? {
        return Ok(None);
    }
    let known = store.served()?;
    let others = match known.is_empty() {
        true => "nor any other device".to_owned(),
        false => format!("only {}", known.join(", ")),
    };
    let what = "the job waits until `tachograph worker --name` says this one";
    Ok(Some(format!("no worker has ever served `{}`, {}; {what}", Plain(device), Plain(&others))))
}
