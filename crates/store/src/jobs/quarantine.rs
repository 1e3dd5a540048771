//! Graphs that made the runner crash on a device.

use super::{JobId, State, job};
use crate::{
    Error, Result, Store, graphs,
    link::{Link, Outcome, args},
};

impl Store {
    /// Lets the graph of a quarantined job go: it may be submitted for that device again. Returns how many jobs kept it in
    /// quarantine. On a shared server the owner alone may.
    ///
    /// # Errors
    /// [`Error::UnknownJob`]; a job that is not quarantined; the store cannot be written.
    pub fn release(&self, id: JobId) -> Result<u64> {
        self.write(async |link| {
            let job = job(link, id).await?;
            if job.state != State::Quarantined {
                return Err(Error::Invalid(format!("job {id} is not quarantined, it is {}", job.state)).into());
            }
            let graph = graphs::id(link, &job.graph).await?;
            let sql = "update jobs set released_at = {now} where graph = $1 and device = $2 and state = 'quarantined' \
                       and released_at is null";
            link.run(sql, args![graph, &job.device]).await
        })
    }
}

/// Refuses a graph that is in quarantine for a device, with the newest reason; not one whose submission with this ticket was
/// stored already, though its answer was lost.
pub(super) async fn refuse(link: &mut Link, graph: i64, device: &str, ticket: &str) -> Outcome<()> {
    let sql = "select id from jobs where graph = $1 and device = $2 and state = 'quarantined' and released_at is null \
               and not exists (select 1 from jobs where ticket = $3) order by id desc limit 1";
    let Some(row) = link.row(sql, args![graph, device, ticket]).await? else { return Ok(()) };
    let job = job(link, JobId(row.int(0)?)).await?;
    let reason = job.reason.unwrap_or_default();
    Err(Error::Quarantined { job: job.id, device: job.device, batch: job.batch, reason }.into())
}
