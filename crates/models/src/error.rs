//! Errors of this crate.

/// Why a model could not be built or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A prediction of nothing.
    #[error("no output was asked for")]
    NoOutput,
    /// An output that the model has no head for.
    #[error("output {index} of a model with {heads} heads")]
    Output {
        /// The output that was asked for.
        index: usize,
        /// Heads of the model.
        heads: usize,
    },
    /// A batch without something that the model reads.
    #[error("{model} reads {what}, which the batch lacks")]
    Lacks {
        /// The model.
        model: &'static str,
        /// What it reads.
        what: &'static str,
    },
    /// Features without a column that the model reads.
    #[error("{model} reads the column `{column}`, which the features lack")]
    Column {
        /// The model.
        model: &'static str,
        /// Name of the column.
        column: &'static str,
    },
    /// A layer refused its input, or libtorch a call.
    #[error(transparent)]
    Layer(#[from] tachograph_gnn::Error),
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
