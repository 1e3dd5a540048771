//! Ending a job, once.

use super::{
    JobId, Lease, State,
    claim::{lost, requeue},
    job, notify, reason,
};
use crate::{
    Error, Reading, Result, Store, graphs,
    link::{Link, Outcome, args},
    measurements,
};

impl Store {
    /// Stores what was measured and ends the job, both or neither. Doing it again with the same lease changes nothing.
    ///
    /// # Errors
    /// [`Error::LeaseLost`]: nothing is stored. A measurement that is refused, or of another batch or mode than the job's.
    pub fn finish(&self, lease: &Lease, reading: &Reading) -> Result<()> {
        reading.check()?;
        self.write(async |link| {
            if !held(link, lease).await? {
                return Ok(());
            }
            let job = job(link, lease.job).await?;
            if (job.batch, job.mode) != (reading.batch, reading.mode) {
                let message = format!(
                    "job {} is of {} at batch {}, what was measured of {} at batch {}",
                    job.id, job.mode, job.batch, reading.mode, reading.batch
                );
                return Err(Error::Invalid(message).into());
            }
            let graph = graphs::id(link, &job.graph).await?;
            let row = measurements::put_one(link, graph, reading).await?;
            let sql = "update jobs set state = 'done', lease_until = null, reason = null, ended_at = {now}, result = $3 \
                       where id = $1 and lease = $2 and state = 'leased'";
            link.run(sql, args![lease.job.0, &lease.token, row]).await?;
            notify(link, "tachograph_ended", &lease.job.to_string()).await
        })?;
        self.bell().ring();
        Ok(())
    }

    /// Says why a job could not be measured. It is tried again where `again` says that this may help and it has not been
    /// tried often enough.
    ///
    /// # Errors
    /// [`Error::LeaseLost`].
    pub fn fail(&self, lease: &Lease, why: &str, again: bool) -> Result<()> {
        let why = reason(why);
        self.write(async |link| {
            if !held(link, lease).await? {
                return Ok(());
            }
            let job = job(link, lease.job).await?;
            match again && job.attempts < job.max_attempts {
                true => {
                    requeue(link, lease, "attempts", Some(&format!("attempt {}: {why}", job.attempts))).await?;
                    Ok(())
                }
                false if again => {
                    end(link, lease, State::Failed, &format!("tried {} times: {why}", job.attempts)).await
                }
                false => end(link, lease, State::Failed, &why).await,
            }
        })?;
        self.bell().ring();
        Ok(())
    }

    /// Ends a job whose network made the runner crash. It is not tried again.
    ///
    /// # Errors
    /// [`Error::LeaseLost`].
    pub fn quarantine(&self, lease: &Lease, why: &str) -> Result<()> {
        let why = reason(why);
        self.write(async |link| {
            if !held(link, lease).await? {
                return Ok(());
            }
            end(link, lease, State::Quarantined, &why).await
        })?;
        self.bell().ring();
        Ok(())
    }

    /// Gives a job back untried, as a worker does that is asked to stop.
    ///
    /// # Errors
    /// [`Error::LeaseLost`].
    pub fn give_back(&self, lease: &Lease) -> Result<()> {
        self.write(async |link| {
            match requeue(link, lease, "case when attempts > 0 then attempts - 1 else 0 end", None).await? {
                0 => Err(lost(link, lease).await?.into()),
                _ => Ok(()),
            }
        })?;
        self.bell().ring();
        Ok(())
    }
}

/// Whether the job is held by this lease; false where it was ended with it already.
async fn held(link: &mut Link, lease: &Lease) -> Outcome<bool> {
    let lock = if link.is_postgres() { "for update" } else { "" };
    let sql = format!("select state from jobs where id = $1 and lease = $2 {lock}");
    let JobId(id) = lease.job;
    let state = match link.row(sql, args![id, &lease.token]).await? {
        Some(row) => row.text(0)?.parse::<State>()?,
        None => return Err(lost(link, lease).await?.into()),
    };
    match state {
        State::Leased => Ok(true),
        State::Done | State::Failed | State::Quarantined => Ok(false),
        State::Queued | State::Cancelled => Err(lost(link, lease).await?.into()),
    }
}

async fn end(link: &mut Link, lease: &Lease, state: State, why: &str) -> Outcome<()> {
    let sql = "update jobs set state = $3, lease_until = null, reason = $4, ended_at = {now} \
               where id = $1 and lease = $2 and state = 'leased'";
    link.run(sql, args![lease.job.0, &lease.token, state.to_string(), reason(why)]).await?;
    notify(link, "tachograph_ended", &lease.job.to_string()).await
}
