//! Taking jobs, and keeping them.

use std::time::Duration;

use super::{Job, JobId, job, notify, submit};
use crate::{
    Error, Network, Result, Store, devices,
    link::{Link, Outcome, Value, args},
    reading::bounded,
};

/// The right to end a job, until it runs out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    pub(super) token: String,
}

/// A job that this worker holds.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The job.
    pub job: Job,
    /// The network to measure.
    pub network: Network,
    /// The right to end it.
    pub lease: Lease,
}

impl Store {
    /// Takes the most urgent job for a device that is called one of `called` (or by an alias of it that a bundled device file
    /// knows), for so long; `None` where there is none. The worker must [`renew`](Store::renew) its lease before it runs out.
    ///
    /// # Errors
    /// The store cannot be written. A job whose graph cannot be read fails and is not returned.
    pub fn claim(&self, worker: &str, called: &[String], lease: Duration) -> Result<Option<Claim>> {
        bounded("worker", worker, 200)?;
        let mut names: Vec<String> = called.iter().flat_map(|name| devices::names(name)).collect();
        names.sort();
        names.dedup();
        if names.is_empty() || names.len() > 100 {
            return Err(Error::Invalid("a worker is called by 1 to 100 names".into()));
        }
        // A claim whose answer was lost on the way is found again by its token.
        let token = submit::token();
        if !self.link(async |link| waits(link, &names).await)? {
            return Ok(None);
        }
        let Some(job) = self.write(async |link| take(link, worker, &names, lease, &token).await)? else {
            return Ok(None);
        };
        let lease = Lease { job: job.id, token };
        match self.network(&job.graph) {
            Ok(network) => Ok(Some(Claim { network, lease, job })),
            Err(error @ Error::Damaged { .. }) => {
                self.fail(&lease, &error.to_string(), false)?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps a job for so long from now.
    ///
    /// # Errors
    /// [`Error::LeaseLost`]: the lease ran out and the job went back, or it was cancelled.
    pub fn renew(&self, lease: &Lease, time: Duration) -> Result<()> {
        self.write(async |link| {
            let sql = "update jobs set lease_until = {now} + $3 where id = $1 and lease = $2 and state = 'leased'";
            match link.run(sql, args![lease.job.0, &lease.token, millis(time)]).await? {
                0 => Err(lost(link, lease).await?.into()),
                _ => Ok(()),
            }
        })
    }
}

pub(super) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4)
}

/// That a lease is lost, and what the job is now.
pub(super) async fn lost(link: &mut Link, lease: &Lease) -> Outcome<Error> {
    let state = job(link, lease.job).await?.state.to_string();
    Ok(Error::LeaseLost { job: lease.job, state })
}

fn places(names: &[String], from: usize) -> (String, Vec<Value>) {
    let places: Vec<_> = (from..from + names.len()).map(|place| format!("${place}")).collect();
    (places.join(","), names.iter().map(Value::from).collect())
}

/// Whether there may be something to take. It costs no lock, so that idle workers stand in nobody's way.
async fn waits(link: &mut Link, names: &[String]) -> Outcome<bool> {
    let (places, args) = places(names, 1);
    let sql = format!(
        "select 1 from jobs where state = 'queued' and device in ({places}) \
         union all select 1 from jobs where state = 'leased' and lease_until < {{now}} limit 1"
    );
    Ok(link.row(sql, &args).await?.is_some())
}

async fn take(link: &mut Link, worker: &str, names: &[String], lease: Duration, token: &str) -> Outcome<Option<Job>> {
    submit::sweep(link).await?;
    let mine = "select id from jobs where lease = $1 and state = 'leased'";
    let mut taken = link.row(mine, args![token]).await?;
    if taken.is_none() {
        let (places, names) = places(names, 4);
        let mut args = vec![token.into(), millis(lease).into(), worker.into()];
        args.extend(names);
        let sql = format!(
            "update jobs set state = 'leased', attempts = attempts + 1, lease = $1, lease_until = {{now}} + $2, worker = $3 \
             where id = (select id from jobs where state = 'queued' and device in ({places}) \
             order by priority desc, id limit 1 {{lock}}) and state = 'queued' returning id"
        );
        taken = link.row(sql, &args).await?;
    }
    match taken {
        Some(row) => job(link, JobId(row.int(0)?)).await.map(Some),
        None => Ok(None),
    }
}

/// Puts a job into the queue again, within a transaction.
pub(super) async fn requeue(
    link: &mut Link,
    lease: &Lease,
    attempts: &'static str,
    reason: Option<&str>,
) -> Outcome<u64> {
    let sql = format!(
        "update jobs set state = 'queued', attempts = {attempts}, lease = null, lease_until = null, reason = $3 \
         where id = $1 and lease = $2 and state = 'leased' returning device"
    );
    let Some(row) = link.row(sql, args![lease.job.0, &lease.token, reason]).await? else { return Ok(0) };
    notify(link, "tachograph_queued", &row.text(0)?).await?;
    Ok(1)
}
