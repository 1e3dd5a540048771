//! Errors of this crate.

use std::path::PathBuf;

use tachograph_ir::Plain;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read.
    #[error("{}: {source}", Plain(&path.display().to_string()))]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A table that cannot be understood.
    #[error("{}: {}", Plain(&place(path, *line, column.as_deref())), Plain(message))]
    Table {
        /// The file.
        path: PathBuf,
        /// The line, from 1, if it is about one.
        line: Option<u64>,
        /// The column, if it is about one.
        column: Option<String>,
        /// What is wrong.
        message: String,
    },
    /// No strategy, cost model or tuner of that name.
    #[error("there is no {what} `{}`; there are: {known}", Plain(name))]
    Unknown {
        /// What was looked for.
        what: &'static str,
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// A point of another space, or a list of points that is none.
    #[error(transparent)]
    Program(#[from] tachograph_program::Error),
    /// A list of points that makes no space.
    #[error("{0}")]
    Points(String),
    /// Measurements that cannot be read or kept.
    #[error("{0}")]
    Journal(String),
    /// A tuner that cannot start from what was measured elsewhere.
    #[error("{0} makes nothing of what was measured elsewhere")]
    Forgets(&'static str),
    /// A model that cannot be fitted.
    #[error("{model}: {message}")]
    Model {
        /// The model.
        model: &'static str,
        /// The cause.
        message: String,
    },
}

fn place(path: &std::path::Path, line: Option<u64>, column: Option<&str>) -> String {
    let mut place = path.display().to_string();
    if let Some(line) = line {
        place += &format!(", line {line}");
    }
    if let Some(column) = column {
        place += &format!(", column `{column}`");
    }
    place
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
