//! What can go wrong.

/// What this crate refuses, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A workload that means nothing.
    #[error("workload `{workload}`, stage `{stage}`: {message}")]
    Workload {
        /// Its name.
        workload: String,
        /// The stage, or what else it is about.
        stage: String,
        /// What is wrong.
        message: String,
    },
    /// An operator that cannot be made of these operands.
    #[error("operator {op}: {message}")]
    Operator {
        /// Its name.
        op: String,
        /// What is wrong, with the shapes.
        message: String,
    },
    /// A step of a schedule that cannot be taken.
    #[error("step {step} ({text}): {message}")]
    Step {
        /// Its position in the schedule, from 0.
        step: usize,
        /// The step as text.
        text: String,
        /// Why not.
        message: String,
    },
    /// A schedule that applies but cannot be lowered.
    #[error("stage `{stage}` cannot be lowered: {message}")]
    Lower {
        /// The stage.
        stage: String,
        /// Why not.
        message: String,
    },
    /// Something that the generator of code has no words for.
    #[error("no {language} code for `{what}`: {message}")]
    Code {
        /// The language.
        language: &'static str,
        /// What it is about.
        what: String,
        /// Why not.
        message: String,
    },
    /// Data that does not fit, or a read or write outside of a buffer.
    #[error("buffer `{buffer}`: {message}")]
    Data {
        /// The buffer.
        buffer: String,
        /// What is wrong.
        message: String,
    },
    /// A compiler that is not there, or that refuses.
    #[error("compiler `{compiler}`: {message}")]
    Compiler {
        /// Its command.
        compiler: String,
        /// What it said.
        message: String,
    },
    /// A point that is not of its space.
    #[error("point: {0}")]
    Point(String),
    /// A file or a text that is not what it should be.
    #[error("{what}: {message}")]
    Format {
        /// What should have been read.
        what: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A file that cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn lower(stage: &str, message: impl Into<String>) -> Self {
        Self::Lower { stage: stage.into(), message: message.into() }
    }

    pub(crate) fn operator(op: &str, message: impl Into<String>) -> Self {
        Self::Operator { op: op.into(), message: message.into() }
    }

    pub(crate) fn data(buffer: &str, message: impl Into<String>) -> Self {
        Self::Data { buffer: buffer.into(), message: message.into() }
    }

    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { path, source }
    }
}
