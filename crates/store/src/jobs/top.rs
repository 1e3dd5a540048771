//! What a farm is doing.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{JobId, State};
use crate::{Moment, Result, Store, link::args};

/// The jobs of one device.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Queue {
    /// The device that they ask for.
    pub device: String,
    /// How many wait.
    pub queued: u64,
    /// Since when the one that has waited longest waits.
    pub oldest: Option<Moment>,
    /// Who is at what.
    pub busy: Vec<Busy>,
    /// Measured within the last hour.
    pub done: u64,
    /// Failed within the last hour.
    pub failed: u64,
    /// Quarantined within the last hour.
    pub quarantined: u64,
    /// Measured within the last five minutes, an hour.
    pub per_hour: f64,
}

/// A worker with a job.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Busy {
    /// The worker.
    pub worker: String,
    /// Its job.
    pub job: JobId,
    /// When its lease runs out, unless it renews it.
    pub until: Moment,
}

const HOUR: i64 = 3_600_000;
const RECENT: i64 = 300_000;

impl Store {
    /// The queues of all devices that jobs wait for, are measured on, or were within the last hour; by name.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn top(&self) -> Result<Vec<Queue>> {
        self.link(async |link| {
            let mut queues: BTreeMap<String, Queue> = BTreeMap::new();
            let open = "select device, count(*), min(submitted_at) from jobs where state = 'queued' group by device";
            for row in link.rows(open, args![]).await? {
                let queue = queues.entry(row.text(0)?).or_default();
                queue.queued = row.count(1)?;
                queue.oldest = row.maybe_int(2)?.map(Moment);
            }
            let leased = "select device, worker, id, lease_until from jobs where state = 'leased' order by id";
            for row in link.rows(leased, args![]).await? {
                let worker = row.maybe_text(1)?.unwrap_or_default();
                let busy = Busy { worker, job: JobId(row.int(2)?), until: Moment(row.int(3)?) };
                queues.entry(row.text(0)?).or_default().busy.push(busy);
            }
            let now = link.now().await?;
            let ended = "select device, state, count(*), sum(case when ended_at >= $2 then 1 else 0 end) from jobs \
                         where ended_at >= $1 group by device, state";
            for row in link.rows(ended, args![now - HOUR, now - RECENT]).await? {
                let queue = queues.entry(row.text(0)?).or_default();
                match row.text(1)?.parse()? {
                    State::Done => {
                        queue.done = row.count(2)?;
                        queue.per_hour = row.count(3)? as f64 * (HOUR / RECENT) as f64;
                    }
                    State::Failed => queue.failed = row.count(2)?,
                    State::Quarantined => queue.quarantined = row.count(2)?,
                    State::Queued | State::Leased | State::Cancelled => {}
                }
            }
            let named = |(device, queue): (String, Queue)| Queue { device, ..queue };
            Ok(queues.into_iter().map(named).collect())
        })
    }
}
