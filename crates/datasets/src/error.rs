//! Errors of this crate.

use std::path::{Path, PathBuf};

use tachograph_ir::{Plain, known_are};

use crate::{About, DATA, SETS};

/// What can go wrong with a data set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read or written.
    #[error("{}: {source}", shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A line that is cut short or not what it should be.
    #[error("{}:{line}: {}", shown(path), Plain(message))]
    Line {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A file whose length or checksum is not the recorded one.
    #[error("{}: {}", shown(path), Plain(message))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was expected and what is there.
        message: String,
    },
    /// A measurement that cannot be one.
    #[error("measurement of `{}`: {}", Plain(network), Plain(message))]
    Record {
        /// The network measured.
        network: String,
        /// Which field, and its value.
        message: String,
    },
    /// A text that is not a network id.
    #[error("`{}` is not a network id (family:seed:index or file:path)", Plain(_0))]
    NetworkId(String),
    /// A split that the networks at hand do not allow.
    #[error("split: {}", Plain(_0))]
    Split(String),
    /// A graph that does not validate or bind.
    #[error("network `{}`: {source}", Plain(network))]
    Graph {
        /// The network.
        network: String,
        /// The cause.
        source: tachograph_ir::Error,
    },
    /// A name that is no published set's.
    #[error("data set `{}`: no folder, no table (.csv, .tsv), and no published set: {}", Plain(_0), known_are(_0, &names()))]
    UnknownSet(String),
    /// A device that a set does not have.
    #[error("no measurement of `{}`: {}", Plain(device), known_are(device, known))]
    UnknownDevice {
        /// The device.
        device: String,
        /// Those that the set has.
        known: Vec<String>,
    },
    /// A set without a single time of an inference.
    #[error("{}: holds no time of any inference", Plain(set))]
    Empty {
        /// The set.
        set: String,
    },
    /// Nobody says where published sets are.
    #[error("no folder of published data sets: name it (--root), or set {} to it", DATA)]
    NoRoot,
    /// Values that are neither time, memory nor energy.
    #[error(
        "the set `{}` is of {unit} values, which have no unit: nothing in ms, MB or J can be learned from it",
        Plain(set)
    )]
    NoUnit {
        /// The set.
        set: String,
        /// What its values are.
        unit: &'static str,
    },
    /// A published set that is not on this machine.
    #[error(
        "{}: not there. The set `{}` comes from {}. Put it into a folder `{}` below the folder \
         that {} or --root names",
        shown(path), about.name, about.from, about.folder, DATA
    )]
    Missing {
        /// The set.
        about: &'static About,
        /// What was looked for.
        path: PathBuf,
    },
    /// A network whose graph cannot be had.
    #[error("{}: no graph of `{}`: {}", Plain(set), Plain(network), Plain(message))]
    NoGraph {
        /// The set: its name, or where it lies.
        set: String,
        /// The network.
        network: String,
        /// Why.
        message: String,
    },
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

fn names() -> Vec<&'static str> {
    SETS.iter().map(|about| about.name).collect()
}

fn shown(path: &Path) -> String {
    Plain(&path.to_string_lossy()).to_string()
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.into(), source }
    }

    pub(crate) fn line(path: &Path, line: usize, message: impl ToString) -> Self {
        Self::Line { path: path.into(), line, message: message.to_string() }
    }

    pub(crate) fn damaged(path: &Path, message: impl Into<String>) -> Self {
        Self::Damaged { path: path.into(), message: message.into() }
    }
}
