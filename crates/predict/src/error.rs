//! Errors of this crate.

use std::path::{Path, PathBuf};

/// Why a checkpoint could not be read, or a network not be predicted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A checkpoint that is not what it should be.
    #[error("{}: {message}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A weight that a network needs and the checkpoint has not, or has in another shape.
    #[error("weight `{name}`: {message}")]
    Weight {
        /// The weight.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// A network that this build cannot run.
    #[error("networks of kind `{kind}` run on libtorch alone, which this build does not have (feature `torch`)")]
    Kind {
        /// The kind.
        kind: String,
    },
    /// A bundled checkpoint that there is not.
    #[error("no bundled checkpoint `{name}`; there are: {known}")]
    Bundled {
        /// The name that was asked for.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// Nothing to predict with.
    #[error("no checkpoint was given")]
    NoCheckpoint,
    /// A device that the checkpoint does not predict for.
    #[error("unknown device `{name}`; known: {known}")]
    Device {
        /// The name that was asked for.
        name: String,
        /// The names it knows.
        known: String,
    },
    /// A device whose latency no checkpoint predicts, though one knows something else of it.
    #[error("no checkpoint predicts the latency of `{name}`; known of it: {known}")]
    NoLatency {
        /// The device.
        name: String,
        /// The quantities that are predicted.
        known: String,
    },
    /// An output of another checkpoint.
    #[error("output {index} of a checkpoint with {outputs}")]
    Output {
        /// The output that was asked for.
        index: usize,
        /// Outputs of the checkpoint.
        outputs: usize,
    },
    /// Predictors that make no ensemble.
    #[error("an ensemble: {0}")]
    Ensemble(String),
    /// A hyperparameter to choose that the graph does not leave free.
    #[error("`{name}` is not free in `{graph}`; free are: {free}")]
    NotFree {
        /// The name that was asked for.
        name: String,
        /// The graph.
        graph: String,
        /// The hyperparameters that are.
        free: String,
    },
    /// Too many configurations to choose from.
    #[error("more than {most} configurations to choose from")]
    TooMany {
        /// The most that are tried.
        most: usize,
    },
    /// A graph that does not fit a batch.
    #[error(transparent)]
    Batch(#[from] tachograph_batch::GraphError),
    /// A graph cannot be featurised.
    #[error(transparent)]
    Features(#[from] tachograph_features::Error),
    /// A page cannot be drawn.
    #[cfg(feature = "page")]
    #[error(transparent)]
    Page(#[from] tachograph_report::Error),
    /// A graph cannot be bound.
    #[error(transparent)]
    Graph(#[from] tachograph_ir::Error),
    /// A network on libtorch refused its input.
    #[cfg(feature = "torch")]
    #[error(transparent)]
    Model(#[from] tachograph_models::Error),
    /// A graph layer on libtorch refused its input.
    #[cfg(feature = "torch")]
    #[error(transparent)]
    Layer(#[from] tachograph_gnn::Error),
    /// libtorch refused a call.
    #[cfg(feature = "torch")]
    #[error("{place}: {source}")]
    Torch {
        /// What was being done.
        place: &'static str,
        /// libtorch's own message.
        source: tch::TchError,
    },
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_path_buf();
    move |source| Error::Io { path, source }
}

pub(crate) fn checkpoint(path: &Path, message: impl ToString) -> Error {
    Error::Checkpoint { path: path.into(), message: message.to_string() }
}

#[cfg(feature = "torch")]
pub(crate) fn torch(place: &'static str) -> impl FnOnce(tch::TchError) -> Error {
    move |source| Error::Torch { place, source }
}
