//! What can go wrong.

/// What this crate refuses, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A group of operators that has no program.
    #[error("{operators} at `{node}`: {source}")]
    Group {
        /// Its operators.
        operators: String,
        /// Its first node.
        node: String,
        /// Why.
        source: tachograph_program::Error,
    },
    /// A network that cannot be compiled as a whole.
    #[error("{0}")]
    Network(String),
    /// Elements of a weight that cannot be had.
    #[error("weight `{tensor}`: {message}")]
    Weight {
        /// The tensor.
        tensor: String,
        /// What is wrong.
        message: String,
    },
    /// The compiler, or a schedule that it should have compiled.
    #[error(transparent)]
    Program(#[from] tachograph_program::Error),
    /// What is known of a program, or its space.
    #[error(transparent)]
    Tune(#[from] tachograph_tune::Error),
    /// A file that cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A library that is no compiled network, or was given something else than it takes.
    #[error("{path}: {message}")]
    Model {
        /// The library.
        path: String,
        /// What is wrong.
        message: String,
    },
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { path, source }
    }
}
