//! Errors of this crate.

use std::path::PathBuf;

use tachograph_ir::Plain;

use crate::{Added, GraphKey, JobId};

/// What can go wrong with a store. No message holds a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text that names no store.
    #[error("`{}` is no store: {message}", Plain(location))]
    Location {
        /// The text, without its password.
        location: String,
        /// What is wrong with it.
        message: String,
    },
    /// Nothing answers, or it stopped answering.
    #[error("{location}: cannot be reached: {}", Plain(message))]
    Unreachable {
        /// The store.
        location: String,
        /// The cause.
        message: String,
    },
    /// A schema that only a later version of this program knows.
    #[error("{location} was written by a newer tachograph (schema {found}; this program knows {known})")]
    NewerSchema {
        /// The store.
        location: String,
        /// The schema that is there.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// A schema that is older, in a store that is opened to read alone.
    #[error("{location} has schema {found}; open it once to write, which brings it to {known}")]
    OlderSchema {
        /// The store.
        location: String,
        /// The schema that is there.
        found: i64,
        /// The one that this program reads.
        known: i64,
    },
    /// A database of something else.
    #[error("{location} is a database, but not one of tachograph's; nothing was changed")]
    Foreign {
        /// The database.
        location: String,
    },
    /// A file that is torn, or rows that contradict each other.
    #[error("{location} is damaged: {}; nothing was changed, restore it from a copy", Plain(message))]
    Damaged {
        /// The store.
        location: String,
        /// What was found.
        message: String,
    },
    /// A store that cannot be written here.
    #[error("{location} can be read but not written: {}", Plain(message))]
    ReadOnly {
        /// The store.
        location: String,
        /// The cause.
        message: String,
    },
    /// No room; what was in hand is not stored, all before it is.
    #[error("{location}: the disk is full; what was stored before is safe")]
    Full {
        /// The store.
        location: String,
    },
    /// Something that the user of the database may not do.
    #[error("{location}: not allowed: {}", Plain(message))]
    Refused {
        /// The store.
        location: String,
        /// The server's words.
        message: String,
    },
    /// Anything else that the database says.
    #[error("{location}: {}", Plain(message))]
    Database {
        /// The store.
        location: String,
        /// Its words.
        message: String,
    },
    /// A file that cannot be read or written.
    #[error("{}: {source}", Plain(&path.to_string_lossy()))]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A line of an import that is not what it should be.
    #[error("line {line}: {}", Plain(message))]
    Line {
        /// Line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// An import that stopped in the middle.
    #[error("{source}; {}", stored_before(stored, *line))]
    Partly {
        /// Why it stopped.
        source: Box<Error>,
        /// What is stored.
        stored: Added,
        /// All up to this line is; 0 where there are no lines.
        line: usize,
    },
    /// A graph that cannot be written, read or bound.
    #[error("graph `{}`: {source}", Plain(name))]
    Graph {
        /// Its name.
        name: String,
        /// The cause.
        source: tachograph_ir::Error,
    },
    /// A measurement, job or text outside its bounds.
    #[error("{}", Plain(_0))]
    Invalid(String),
    /// A data set that cannot be read.
    #[error(transparent)]
    DataSet(#[from] tachograph_datasets::Error),
    /// A graph that the store does not have.
    #[error("no graph {0} in the store")]
    UnknownGraph(GraphKey),
    /// A job that the store does not have.
    #[error("no job {0} in the store")]
    UnknownJob(JobId),
    /// A graph that made the runner crash on this device, submitted again without saying so.
    #[error("it made the runner crash on {} (job {job}, batch {batch}): {}", Plain(device), Plain(reason))]
    Quarantined {
        /// The job that is in quarantine.
        job: JobId,
        /// The device, as it was asked for.
        device: String,
        /// The batch that it had.
        batch: u64,
        /// How it crashed.
        reason: String,
    },
    /// A checkpoint that the store does not have, or none to go back to.
    #[error("{}", Plain(_0))]
    UnknownCheckpoint(String),
    /// What measures does not work, so that no job can be done.
    #[error("the runner does not work: {}", Plain(_0))]
    Runner(String),
    /// A job that this worker no longer holds.
    #[error("job {job} is no longer held by this lease: it is {state}")]
    LeaseLost {
        /// The job.
        job: JobId,
        /// What it is now.
        state: String,
    },
}

/// What is stored of an import that stopped, and what to do.
fn stored_before(stored: &Added, line: usize) -> String {
    let Added { new, known } = stored;
    match (new + known, line) {
        (0, _) => "no measurement was stored".into(),
        (all, 0) => format!("before that {all} measurements were stored ({known} known); the same again skips them"),
        (all, line) => format!(
            "before that {all} measurements were stored ({known} known), all up to line {line}; the same again skips them"
        ),
    }
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Of an import that stopped here: says that nothing was stored, unless it says what was.
    #[must_use]
    pub fn of_import(self) -> Self {
        match self {
            partly @ Self::Partly { .. } => partly,
            source => Self::Partly { source: Box::new(source), stored: Added::default(), line: 0 },
        }
    }

    /// True where the same may succeed a little later: a server that starts again, a network that was cut, a lock.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Partly { source, .. } => source.is_passing(),
            _ => false,
        }
    }
}
