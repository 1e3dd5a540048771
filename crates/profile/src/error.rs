//! Errors of this crate.

/// Why a graph could not be run or measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No kernel runs this node.
    #[error("node `{node}` ({op}): {message}")]
    Unsupported {
        /// Name of the node.
        node: String,
        /// Its operator.
        op: String,
        /// What is missing.
        message: String,
    },
    /// libtorch refused a call.
    #[error("{place}: {source}")]
    Torch {
        /// The node, or what was being prepared.
        place: String,
        /// libtorch's own message.
        source: tch::TchError,
    },
    /// A call that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A graph that cannot be bound or costed.
    #[error(transparent)]
    Graph(#[from] tachograph_ir::Error),
    /// A network that cannot be made.
    #[error(transparent)]
    Network(#[from] tachograph_networks::Error),
    /// A data set that cannot be written.
    #[error(transparent)]
    DataSet(#[from] tachograph_datasets::Error),
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) fn torch(place: impl Into<String>) -> impl FnOnce(tch::TchError) -> Error {
    let place = place.into();
    |source| Error::Torch { place, source }
}
