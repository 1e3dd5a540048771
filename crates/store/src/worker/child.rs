//! Measuring in a process of its own: a network that crashes it takes no worker with it.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver},
    },
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tachograph_datasets::Mode;
use tachograph_ir::{Assignment, BoundGraph, Graph};

use super::{Failure, Held, Runner, family};
use crate::{Claim, Error, JobId, LOCATION, Reading, Result};

/// What a child process is told on its standard input: one line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sheet {
    /// The job.
    pub job: JobId,
    /// Images or sequences a run.
    pub batch: u64,
    /// What to run.
    pub mode: Mode,
    /// The device that the job asks for.
    pub device: String,
    /// The network; its one hyperparameter is the batch, where that is free.
    pub graph: Graph,
}

/// What a child process says on its standard output: one line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Report {
    /// It measured.
    Reading(Box<Reading>),
    /// The network cannot be measured.
    Refused(String),
    /// It could not be measured this time.
    Passing(String),
}

impl Sheet {
    /// What a claim asks for.
    pub fn of(claim: &Claim) -> Self {
        let job = &claim.job;
        let graph = claim.network.graph().clone();
        Self { job: job.id, batch: job.batch, mode: job.mode, device: job.device.clone(), graph }
    }

    /// The network at the batch asked for.
    ///
    /// # Errors
    /// It does not bind.
    pub fn bound(&self) -> Result<BoundGraph> {
        let config: Assignment = self.graph.hyperparameters().keys().map(|name| (name.clone(), self.batch)).collect();
        let failed = |source| Error::Graph { name: self.graph.name().into(), source };
        self.graph.bind(&config).map_err(failed)
    }
}

/// Runs a command for each job: it reads a [`Sheet`] and answers with a [`Report`]. Whatever the command starts ends with it
/// (on Unix, unless that leaves the process group).
#[derive(Clone, Debug)]
pub struct ChildRunner {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// It is killed after this time.
    pub limit: Duration,
    /// Once set, the child is killed and its job goes back untried ([`Failure::Unfit`]): a terminal tells the worker of
    /// Ctrl-C, not the child.
    pub interrupted: Arc<AtomicBool>,
}

impl ChildRunner {
    /// Runs `command`, for so long at most.
    pub fn new(command: impl IntoIterator<Item: Into<OsString>>, limit: Duration) -> Self {
        Self { command: command.into_iter().map(Into::into).collect(), limit, interrupted: Arc::default() }
    }
}

/// Of the answer and of what the child says on its standard error.
const LONGEST: u64 = 1 << 20;
const LAST_WORDS: usize = 1_000;

impl Runner for ChildRunner {
    fn run(&self, claim: &Claim, held: &Held) -> Result<Reading, Failure> {
        let sheet = serde_json::to_string(&Sheet::of(claim)).map_err(|error| Failure::Refused(error.to_string()))?;
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(Failure::Unfit("no command to measure with".into()));
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // It runs networks of others; what opens the store is none of its business.
        for name in ["PGPASSWORD", "PGPASSFILE", "PGUSER", "PGHOST", LOCATION] {
            command.env_remove(name);
        }
        dies_with_us(&mut command);
        family::found(&mut command);
        let unfit = |error: std::io::Error| Failure::Unfit(format!("{}: {error}", program.to_string_lossy()));
        let mut child = command.spawn().map_err(unfit)?;
        let answer = said(child.stdout.take(), |out| {
            let mut line = String::new();
            BufReader::new(out.take(LONGEST)).read_line(&mut line).ok();
            line
        });
        let errors = said(child.stderr.take(), last_words);
        if let Some(mut input) = child.stdin.take() {
            // A child that dies before it has read all closes the pipe; why it died is said below.
            thread::spawn(move || writeln!(input, "{sheet}"));
        }
        let ended = self.wait(&mut child, held);
        // Where a process of its own escaped, that may hold its pipes open.
        let heard = |words: Receiver<String>| words.recv_timeout(Duration::from_secs(2)).unwrap_or_default();
        let status = match ended {
            Ended::Exited(status) => status,
            Ended::Late => {
                return Err(Failure::Passing(format!("took more than {} s and was stopped", self.limit.as_secs_f64())));
            }
            Ended::Unwanted => return Err(Failure::Passing("no longer wanted".into())),
            Ended::Interrupted => return Err(Failure::Unfit("interrupted".into())),
            Ended::Unknown(why) => return Err(Failure::Passing(format!("the runner cannot be waited for: {why}"))),
        };
        let (answer, errors) = (heard(answer), heard(errors));
        judge(status, &answer, &errors)
    }
}

/// Has the system kill the child when this process is killed: nobody would read its answer, and it would disturb the next
/// measurement on the same device.
#[cfg(target_os = "linux")]
fn dies_with_us(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    // SAFETY: prctl is async-signal-safe. The signal comes when the thread that starts the child ends; that one waits for it.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn dies_with_us(_: &mut Command) {}

/// What the end of a child and its words mean.
fn judge(status: ExitStatus, answer: &str, errors: &str) -> Result<Reading, Failure> {
    let errors = if errors.trim().is_empty() { String::new() } else { format!(": {}", errors.trim()) };
    if let Some(signal) = signal(status) {
        return Err(Failure::Crashed(format!("the runner was killed by signal {signal}{errors}")));
    }
    // A panic of a Rust program ends it with this code.
    if status.code() == Some(101) {
        return Err(Failure::Crashed(format!("the runner panicked{errors}")));
    }
    match serde_json::from_str(answer.trim()) {
        Ok(Report::Reading(reading)) => Ok(*reading),
        Ok(Report::Refused(why)) => Err(Failure::Refused(why)),
        Ok(Report::Passing(why)) => Err(Failure::Passing(why)),
        Err(_) if answer.trim().is_empty() => {
            Err(Failure::Passing(format!("the runner ended with {status} and without an answer{errors}")))
        }
        Err(error) => Err(Failure::Passing(format!("the runner's answer cannot be read: {error}{errors}"))),
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(status: ExitStatus) -> Option<i32> {
    // Windows ends a process that crashed with the status of the exception.
    status.code().filter(|code| *code < 0)
}

enum Ended {
    Exited(ExitStatus),
    Late,
    Unwanted,
    Interrupted,
    Unknown(std::io::Error),
}

impl ChildRunner {
    /// Waits until the child ends, or ends it; what it started goes with it.
    fn wait(&self, child: &mut Child, held: &Held) -> Ended {
        let since = Instant::now();
        let ended = loop {
            match family::has_ended(child) {
                Ok(true) => break None,
                Ok(false) if self.interrupted.load(Ordering::Relaxed) => break Some(Ended::Interrupted),
                Ok(false) if since.elapsed() > self.limit => break Some(Ended::Late),
                Ok(false) if held.is_lost() => break Some(Ended::Unwanted),
                Ok(false) => thread::sleep(Duration::from_millis(if since.elapsed().as_secs() < 1 { 2 } else { 20 })),
                Err(error) => break Some(Ended::Unknown(error)),
            }
        };
        family::kill(child);
        match (ended, child.wait()) {
            (Some(ended), _) => ended,
            (None, Ok(status)) => Ended::Exited(status),
            (None, Err(error)) => Ended::Unknown(error),
        }
    }
}

/// Reads a pipe on a thread of its own.
fn said<P: Read + Send + 'static>(
    pipe: Option<P>,
    read: impl FnOnce(P) -> String + Send + 'static,
) -> Receiver<String> {
    let (words, heard) = mpsc::channel();
    if let Some(pipe) = pipe {
        thread::spawn(move || words.send(read(pipe)));
    }
    heard
}

/// The end of what is said; all of it is read, so that the child never waits.
fn last_words(mut pipe: impl Read) -> String {
    let mut last = Vec::new();
    let mut block = [0; 4096];
    while let Ok(read @ 1..) = pipe.read(&mut block) {
        last.extend_from_slice(&block[..read]);
        let surplus = last.len().saturating_sub(LAST_WORDS);
        last.drain(..surplus);
    }
    String::from_utf8_lossy(&last).into_owned()
}
