//! Errors of this crate.

use std::{io, path::PathBuf};

use tachograph_ir::{Plain, known_are};

/// Why a folder cannot be labelled. A single file that cannot be is no error but a [`Refusal`](crate::Refusal).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder that cannot be read or written.
    #[error("{}: {source}", Plain(&path.to_string_lossy()))]
    Io {
        /// Where.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A folder without a model.
    #[error("{}: no .tflite or .tflite.gz in it or below", Plain(&.0.to_string_lossy()))]
    NoFiles(PathBuf),
    /// A name that Vela does not know.
    #[error("{what} `{}`: {}", Plain(name), known_are(name, known))]
    Unknown {
        /// What is named.
        what: &'static str,
        /// The name.
        name: String,
        /// The names there are.
        known: Vec<&'static str>,
    },
    /// No home directory to keep the environment in.
    #[error("no folder for the cached environment: set XDG_CACHE_HOME or HOME")]
    NoCache,
    /// The tool could not be installed.
    #[error("installing {requirement}: {}", Plain(message))]
    Install {
        /// What pip was to install.
        requirement: String,
        /// What went wrong.
        message: String,
    },
    /// The tool does not start.
    #[error("starting {tool}: {}", Plain(message))]
    Start {
        /// Its name.
        tool: &'static str,
        /// What went wrong.
        message: String,
    },
    /// The set cannot be read or written.
    #[error(transparent)]
    Set(#[from] tachograph_datasets::Error),
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Names the path of an error of the system.
pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
    let path = path.into();
    move |source| Error::Io { path, source }
}
