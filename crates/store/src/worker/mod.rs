//! A worker: takes jobs that fit its device, has them measured, writes what came out, and goes on.

mod child;
mod family;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{Claim, Error, Job, JobId, Lease, Reading, Result, Store};

pub use child::{ChildRunner, Report, Sheet};

/// Measures the network of a job.
pub trait Runner: Sync {
    /// Measures it. Where that takes long, `held` says when it is no longer wanted.
    ///
    /// # Errors
    /// Why it was not measured.
    fn run(&self, claim: &Claim, held: &Held) -> Result<Reading, Failure>;
}

/// Why a network was not measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It cannot be: trying again does not help.
    Refused(String),
    /// It may be the next time.
    Passing(String),
    /// It made the runner crash.
    Crashed(String),
    /// The runner does not work at all. The job goes back untried and the worker stops.
    Unfit(String),
}

/// Whether a job is still this worker's.
#[derive(Debug, Default)]
pub struct Held {
    lost: AtomicBool,
}

impl Held {
    /// True once the job was cancelled or its lease ran out: nobody waits for its result.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Takes jobs for one device.
#[derive(Clone, Debug)]
pub struct Worker {
    /// What the worker is called, such as the machine and the process.
    pub name: String,
    /// What its device is called: jobs ask for one of these.
    pub called: Vec<String>,
    /// How long a job stays its own without a sign of life. It gives one three times as often.
    pub lease: Duration,
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "outcome", content = "reason")]
pub enum Outcome {
    /// Measured, and stored.
    Done,
    /// Not measured, and why; it may be tried again.
    Failed(String),
    /// Not measured, since it made the runner crash.
    Quarantined(String),
    /// It was no longer this worker's; what was measured is dropped.
    Lost,
}

/// How long a result is kept while the store cannot be reached.
const KEEP_TRYING: Duration = Duration::from_secs(600);

impl Worker {
    /// A worker whose lease is a minute.
    pub fn new(name: impl Into<String>, called: impl IntoIterator<Item: Into<String>>) -> Self {
        let called = called.into_iter().map(Into::into).collect();
        Self { name: name.into(), called, lease: Duration::from_secs(60) }
    }

    /// Takes jobs until `stop` is set; returns how many. `observe` hears of each. A store that cannot be reached for a while
    /// is waited for.
    ///
    /// # Errors
    /// The store refuses; the runner does not work ([`Failure::Unfit`]).
    pub fn run(
        &self,
        store: &Store,
        runner: &impl Runner,
        stop: &AtomicBool,
        mut observe: impl FnMut(&Job, &Outcome),
    ) -> Result<u64> {
        let mut jobs = 0;
        let mut announced = false;
        while !stop.load(Ordering::Relaxed) {
            let rung = store.bell().rung();
            let ready = if announced { Ok(()) } else { self.announce(store) };
            announced = ready.is_ok();
            match ready.and_then(|()| self.run_one(store, runner)) {
                Ok(Some((job, outcome))) => {
                    jobs += 1;
                    observe(&job, &outcome);
                }
                Ok(None) => store.bell().wait(rung, store.pause().min(Duration::from_millis(500))),
                Err(error) if error.is_passing() => thread::sleep(Duration::from_millis(200)),
                Err(error) => return Err(error),
            }
        }
        Ok(jobs)
    }

    /// Says what it is called, so that whoever submits for another name is told ([`Store::is_served`]). [`Worker::run`] does.
    ///
    /// # Errors
    /// The store cannot be reached.
    pub fn announce(&self, store: &Store) -> Result<()> {
        store.announce_if_allowed(&self.name, &self.called)
    }

    /// Takes one job, if there is one, and has it measured.
    ///
    /// # Errors
    /// As [`Worker::run`]; the store cannot be reached.
    pub fn run_one(&self, store: &Store, runner: &impl Runner) -> Result<Option<(Job, Outcome)>> {
        let Some(claim) = store.claim(&self.name, &self.called, self.lease)? else { return Ok(None) };
        let held = Held::default();
        let measured = thread::scope(|scope| {
            let (done, ended) = mpsc::channel::<()>();
            scope.spawn(|| self.keep(store, &claim.lease, &held, ended));
            let run = catch_unwind(AssertUnwindSafe(|| runner.run(&claim, &held)));
            drop(done);
            run.unwrap_or_else(|panic| Err(Failure::Crashed(format!("the runner panicked: {}", words(&*panic)))))
        });
        let outcome = persist(|| end(store, &claim.lease, &measured))?;
        if let Err(Failure::Unfit(why)) = measured {
            return Err(Error::Runner(why));
        }
        Ok(Some((claim.job, outcome)))
    }

    /// Renews the lease until the job has ended.
    fn keep(&self, store: &Store, lease: &Lease, held: &Held, ended: mpsc::Receiver<()>) {
        let mut renewed = Instant::now();
        while let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(self.lease / 3) {
            match store.renew(lease, self.lease) {
                Ok(()) => renewed = Instant::now(),
                Err(error) if error.is_passing() && renewed.elapsed() < self.lease => {}
                Err(_) => return held.lost.store(true, Ordering::Relaxed),
            }
        }
    }
}

fn end(store: &Store, lease: &Lease, measured: &Result<Reading, Failure>) -> Result<Outcome> {
    let (written, outcome) = match measured {
        Ok(reading) => match store.finish(lease, reading) {
            // What the runner says is no measurement of this job.
            Err(Error::Invalid(why)) => (store.fail(lease, &why, false), Outcome::Failed(why)),
            written => (written, Outcome::Done),
        },
        Err(Failure::Refused(why)) => (store.fail(lease, why, false), Outcome::Failed(why.clone())),
        Err(Failure::Passing(why)) => (store.fail(lease, why, true), Outcome::Failed(why.clone())),
        Err(Failure::Crashed(why)) => (store.quarantine(lease, why), Outcome::Quarantined(why.clone())),
        Err(Failure::Unfit(_)) => (store.give_back(lease), Outcome::Lost),
    };
    match written {
        Ok(()) => Ok(outcome),
        Err(Error::LeaseLost { .. }) => Ok(Outcome::Lost),
        Err(error) => Err(error),
    }
}

/// Tries again while the store cannot be reached: what took minutes to measure is worth some.
fn persist<T>(mut write: impl FnMut() -> Result<T>) -> Result<T> {
    let since = Instant::now();
    loop {
        match write() {
            Err(error) if error.is_passing() && since.elapsed() < KEEP_TRYING => {
                thread::sleep(Duration::from_millis(200));
            }
            done => return done,
        }
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

impl Claim {
    /// The number of its job.
    pub fn id(&self) -> JobId {
        self.job.id
    }
}
