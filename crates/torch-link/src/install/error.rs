//! What can go wrong with an install.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why libtorch could not be installed, checked or made known to a package.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The system refused something of a file or folder.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Files are missing, cut or changed.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file or the install.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// What was fetched is damaged.
    #[error("what was fetched is not intact; run this again")]
    Fetched(#[source] Box<InstallError>),
    /// A program that is needed is not there, or fails.
    #[error("{0}")]
    Program(String),
    /// There is nothing to fetch for this system.
    #[error("only for Linux on x86-64; elsewhere install PyTorch {VERSION} and set LIBTORCH_USE_PYTORCH=1", VERSION = super::VERSION)]
    Platform,
    /// There is no folder for caches.
    #[error("neither XDG_CACHE_HOME nor HOME is set")]
    NoCache,
    /// The user's own libtorch is none, or has another version.
    #[error("{0}")]
    Own(String),
    /// A file of the package is not as it can be extended.
    #[error("{}: {reason}", file.display())]
    Project {
        /// The file.
        file: PathBuf,
        /// What stands in the way, and what to do.
        reason: String,
    },
    /// A library does not load.
    #[error("it does not load: {0}")]
    Load(String),
}

/// The result of what this module does.
pub type Result<T> = std::result::Result<T, InstallError>;

/// Turns the system's refusals into errors that name what was tried.
pub(crate) trait At<T> {
    /// Says what was to be done with `path`.
    fn at(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| InstallError::Io { action, path: path.to_owned(), source })
    }
}

/// A file that is not what it should be.
pub(crate) fn damaged<T>(path: &Path, reason: impl Into<String>) -> Result<T> {
    Err(InstallError::Damaged { path: path.to_owned(), reason: reason.into() })
}

/// The message of an error with those of its causes.
pub fn whole(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |message, cause| format!("{message}: {cause}"))
}
