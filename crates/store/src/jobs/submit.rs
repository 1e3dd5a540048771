//! Submitting, waiting, cancelling.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    time::{Duration, Instant},
};

use super::{Job, JobId, State, Submission, demand, job, notify, quarantine, reason};
use crate::{
    Error, Result, Store, graphs,
    link::{Fault, Link, Outcome, args},
    reading::{bounded, mode_number},
    store::Pool,
};

impl Store {
    /// Queues a job.
    ///
    /// # Errors
    /// A field outside its bounds; a graph that is not there; [`Error::Quarantined`], unless the submission says that one
    /// knows; the store cannot be written.
    pub fn submit(&self, job: &Submission) -> Result<JobId> {
        let refuse = |message: &str| Err(Error::Invalid(format!("job: {message}")));
        bounded("device", &job.device, 200)?;
        bounded("submitter", &job.submitter, 200)?;
        if demand(&job.device).is_empty() {
            return refuse("it asks for no device");
        }
        if job.batch == 0 || i64::try_from(job.batch).is_err() {
            return refuse("a batch that is none");
        }
        if !(-1000..=1000).contains(&job.priority) {
            return refuse("the priority is not within ±1000");
        }
        if !(1..=100).contains(&job.max_attempts) {
            return refuse("it can be tried 1 to 100 times");
        }
        // So that a submission whose answer was lost on the way is not queued twice.
        let ticket = token();
        let deadline = job.deadline.map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4));
        let id = self.write(async |link| {
            let graph = graphs::id(link, &job.graph).await?;
            let sql = "insert into jobs (ticket, graph, batch, mode, device, priority, deadline, max_attempts, submitter, \
                       submitted_at) values ($1, $2, $3, $4, $5, $6, {now} + $7, $8, $9, {now}) on conflict do nothing";
            let mode = mode_number(job.mode);
            let batch = job.batch as i64;
            let device = demand(&job.device);
            if !job.retry {
                quarantine::refuse(link, graph, &device, &ticket).await?;
            }
            let (priority, tries) = (i64::from(job.priority), i64::from(job.max_attempts));
            let args = args![&ticket, graph, batch, mode, &device, priority, deadline, tries, &job.submitter];
            link.run(sql, args).await?;
            let row = link.row("select id from jobs where ticket = $1", args![&ticket]).await?;
            let id = row.ok_or_else(|| Fault::Strange("a job that was queued is not there".into()))?.int(0)?;
            notify(link, "tachograph_queued", &device).await?;
            Ok(JobId(id))
        })?;
        self.bell().ring();
        Ok(id)
    }

    /// Waits until a job has ended, or for so long; returns it as it then stands.
    ///
    /// # Errors
    /// [`Error::UnknownJob`]; the store cannot be read.
    pub fn wait(&self, id: JobId, timeout: Duration) -> Result<Job> {
        let since = Instant::now();
        loop {
            let rung = self.bell().rung();
            // A job that nobody takes ends by its deadline only if somebody looks.
            self.sweep_if_allowed()?;
            let job = self.job(id)?;
            let left = timeout.saturating_sub(since.elapsed());
            if job.state.is_ended() || left.is_zero() {
                return Ok(job);
            }
            self.bell().wait(rung, left.min(self.pause()));
        }
    }

    /// Cancels a job that has not ended; false where it has. A worker that is at it finds that its lease is lost.
    ///
    /// # Errors
    /// [`Error::UnknownJob`]; the store cannot be written.
    pub fn cancel(&self, id: JobId, why: &str) -> Result<bool> {
        let why = reason(why);
        let changed = self.write(async |link| {
            job(link, id).await?;
            if link.is_postgres() {
                let row = link.row("select tachograph_cancel($1, $2)", args![id.0, &why]).await?;
                return row.map_or(Ok(0), |row| row.count(0));
            }
            let sql = "update jobs set state = 'cancelled', lease_until = null, lease = null, ended_at = {now}, \
                       reason = $2 where id = $1 and state in ('queued', 'leased')";
            link.run(sql, args![id.0, &why]).await
        })?;
        self.bell().ring();
        Ok(changed > 0)
    }

    /// Puts back jobs whose lease ran out and ends those that are too late; returns how many. Workers and those that wait do
    /// so themselves.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn sweep(&self) -> Result<u64> {
        let due = self.link(async |link| {
            let sql = "select 1 from jobs where state = 'leased' and lease_until < {now} \
                       union all select 1 from jobs where state = 'queued' and deadline < {now} limit 1";
            Ok(link.row(sql, args![]).await?.is_some())
        })?;
        if !due {
            return Ok(0);
        }
        let changed = self.write(sweep)?;
        self.bell().ring();
        Ok(changed)
    }

    fn sweep_if_allowed(&self) -> Result<()> {
        match self.sweep() {
            Ok(_) | Err(Error::Refused { .. } | Error::ReadOnly { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// How long to wait before looking again without having been woken.
    pub(crate) fn pause(&self) -> Duration {
        match self.pool() {
            Pool::Sqlite(_) => Duration::from_millis(100),
            Pool::Postgres(_) => Duration::from_secs(1),
        }
    }
}

/// What [`Store::sweep`] does, within a transaction.
pub(super) async fn sweep(link: &mut Link) -> Outcome<u64> {
    if link.is_postgres() {
        let row = link.row("select tachograph_sweep()", args![]).await?;
        return row.map_or(Ok(0), |row| row.count(0));
    }
    let given_up = "update jobs set state = 'failed', lease_until = null, lease = null, ended_at = {now}, \
        reason = 'tried ' || attempts || ' times; the last worker, `' || coalesce(worker, '?') || '`, stopped answering' \
        where state = 'leased' and lease_until < {now} and attempts >= max_attempts";
    let back = "update jobs set state = 'queued', lease_until = null, lease = null, \
        reason = 'attempt ' || attempts || ': the worker `' || coalesce(worker, '?') || '` stopped answering' \
        where state = 'leased' and lease_until < {now}";
    let late = "update jobs set state = 'failed', ended_at = {now}, \
        reason = 'its deadline passed before a worker could take it' where state = 'queued' and deadline < {now}";
    let mut changed = 0;
    for sql in [given_up, back, late] {
        changed += link.run(sql, args![]).await?;
    }
    Ok(changed)
}

/// Sixty-four hexadecimal digits that nobody else has.
pub(super) fn token() -> String {
    // Each state is seeded by the system's source of randomness.
    let word = || RandomState::new().build_hasher().finish();
    (0..4).map(|_| format!("{:016x}", word())).collect()
}

impl State {
    /// The states of jobs that are under way.
    pub const OPEN: [Self; 2] = [Self::Queued, Self::Leased];
}
