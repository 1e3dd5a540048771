//! Jobs: networks to be measured on a device, by whoever has it.
//!
//! A job is queued, leased to a worker, and ends as done, failed, quarantined or cancelled. A lease runs out unless the
//! worker renews it, by the clock of the database; the job then goes back, as often as it may be tried. A job ends once: its
//! end and its measurement are one transaction, which only the holder of the present lease can make.

mod bell;
mod claim;
mod end;
mod quarantine;
mod served;
mod submit;
mod top;

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use tachograph_datasets::Mode;

use crate::{
    Error, GraphKey, Moment, Reading, Result, Store, graphs,
    link::{Fault, Link, Outcome, Row, Value, args},
    measurements::{SELECTED, reading},
    reading::mode_of,
};

pub(crate) use bell::{Bell, listen};
pub use claim::{Claim, Lease};
pub use top::{Busy, Queue};

/// Names a job in its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub i64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.parse().map(Self).map_err(|_| Error::Invalid(format!("`{text}` is no number of a job")))
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Waiting for a worker.
    Queued,
    /// A worker is at it.
    Leased,
    /// Measured.
    Done,
    /// Not measured; the reason says why.
    Failed,
    /// Its network made the runner crash; the reason says how. The graph is not submitted for this device again unless
    /// [`Submission::retry`] says so or the owner lets it go ([`Store::release`]).
    Quarantined,
    /// Whoever submitted it does not want it any more.
    Cancelled,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Leased, Self::Done, Self::Failed, Self::Quarantined, Self::Cancelled];

    /// True where nothing more will happen to the job.
    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Leased)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Leased => "leased",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Quarantined => "quarantined",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for State {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let state = Self::ALL.into_iter().find(|state| state.name() == text);
        state.ok_or_else(|| Error::Invalid(format!("`{text}` is no state of a job")))
    }
}

/// A job to submit.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The graph, which is stored already.
    pub graph: GraphKey,
    /// Images or sequences a run.
    pub batch: u64,
    /// What to run.
    pub mode: Mode,
    /// The device that it asks for; a worker that is called so takes it, whatever the case.
    pub device: String,
    /// Higher ones are taken first; within ±1000.
    pub priority: i32,
    /// Fails if no worker has taken it by then.
    pub deadline: Option<Duration>,
    /// How often it is tried; 1 to 100.
    pub max_attempts: u32,
    /// Who asks; may be empty.
    pub submitter: String,
    /// Though the graph made the runner crash on this device before.
    pub retry: bool,
}

impl Submission {
    /// One inference of a stored graph on a device, tried three times.
    pub fn new(graph: GraphKey, batch: u64, device: impl Into<String>) -> Self {
        Self {
            graph,
            batch,
            mode: Mode::Inference,
            device: device.into(),
            priority: 0,
            deadline: None,
            max_attempts: 3,
            submitter: String::new(),
            retry: false,
        }
    }
}

/// A job as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// The graph.
    pub graph: GraphKey,
    /// Images or sequences a run.
    pub batch: u64,
    /// What to run.
    pub mode: Mode,
    /// The device that it asks for, in lower case.
    pub device: String,
    /// Higher ones are taken first.
    pub priority: i32,
    /// Fails if no worker has taken it by then.
    pub deadline: Option<Moment>,
    /// How often it was tried.
    pub attempts: u32,
    /// How often it may be.
    pub max_attempts: u32,
    /// Who asked.
    pub submitter: String,
    /// When, by the clock of the database.
    pub submitted_at: Moment,
    /// Where it stands.
    pub state: State,
    /// Who tried last.
    pub worker: Option<String>,
    /// Why it failed, or went back.
    pub reason: Option<String>,
    /// When it ended.
    pub ended_at: Option<Moment>,
    /// What was measured.
    pub result: Option<Reading>,
    /// Of a quarantined one: when its graph was let go.
    pub released_at: Option<Moment>,
}

/// Which jobs to list; what is not set is not asked.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// In this state.
    pub state: Option<State>,
    /// That ask for this device.
    pub device: Option<String>,
    /// Submitted by.
    pub submitter: Option<String>,
    /// So many at most; 1,000 where it is not set.
    pub limit: Option<u32>,
}

impl Store {
    /// A job as it stands.
    ///
    /// # Errors
    /// [`Error::UnknownJob`]; the store cannot be read.
    pub fn job(&self, id: JobId) -> Result<Job> {
        self.link(async |link| job(link, id).await)
    }

    /// The newest jobs that the filter selects, the newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>> {
        self.link(async |link| {
            let mut args = Vec::new();
            let mut conditions = Vec::new();
            let mut condition = |column: &str, value: Value| {
                args.push(value);
                conditions.push(format!("{column} = ${}", args.len()));
            };
            if let Some(state) = filter.state {
                condition("j.state", state.name().into());
            }
            if let Some(device) = &filter.device {
                condition("j.device", demand(device).into());
            }
            if let Some(submitter) = &filter.submitter {
                condition("j.submitter", submitter.into());
            }
            let conditions = if conditions.is_empty() { "true".into() } else { conditions.join(" and ") };
            let limit = filter.limit.unwrap_or(1000);
            let sql = format!("{} where {conditions} order by j.id desc limit {limit}", selected());
            link.rows(sql, &args).await?.iter().map(read).collect()
        })
    }
}

/// How a device is written in a job: workers compare it with what they are called.
fn demand(device: &str) -> String {
    device.trim().to_lowercase()
}

fn selected() -> String {
    format!(
        "select {SELECTED}, j.id, g.hash, g.ordinal, j.batch, j.mode, j.device, j.priority, j.deadline, j.attempts, \
         j.max_attempts, j.submitter, j.submitted_at, j.state, j.worker, j.reason, j.ended_at, j.result, j.released_at \
         from jobs j join graphs g on g.id = j.graph left join measurements m on m.id = j.result \
         left join environments e on e.id = m.environment left join devices d on d.id = e.device"
    )
}

fn read(row: &Row) -> Outcome<Job> {
    let small = |column| Ok::<_, Fault>(row.count(column)?.min(u64::from(u32::MAX)) as u32);
    let state = row.text(30)?;
    Ok(Job {
        id: JobId(row.int(18)?),
        graph: graphs::key(row.bytes(19)?, row.int(20)?)?,
        batch: row.count(21)?,
        mode: mode_of(row.int(22)?),
        device: row.text(23)?,
        priority: row.int(24)? as i32,
        deadline: row.maybe_int(25)?.map(Moment),
        attempts: small(26)?,
        max_attempts: small(27)?,
        submitter: row.text(28)?,
        submitted_at: Moment(row.int(29)?),
        state: state.parse()?,
        worker: row.maybe_text(31)?,
        reason: row.maybe_text(32)?,
        ended_at: row.maybe_int(33)?.map(Moment),
        result: if row.is_null(34) { None } else { Some(reading(row)?) },
        released_at: row.maybe_int(35)?.map(Moment),
    })
}

async fn job(link: &mut Link, id: JobId) -> Outcome<Job> {
    let row = link.row(format!("{} where j.id = $1", selected()), args![id.0]).await?;
    read(&row.ok_or(Error::UnknownJob(id))?)
}

/// Wakes those that wait on this machine and on others.
async fn notify(link: &mut Link, channel: &'static str, payload: &str) -> Outcome<()> {
    if link.is_postgres() {
        link.rows("select pg_notify($1, $2)", args![channel, payload]).await?;
    }
    Ok(())
}

/// Cuts a reason to what the schema holds.
fn reason(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(4000).collect()
}
