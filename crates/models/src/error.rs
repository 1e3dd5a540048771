//! Errors of this crate.

use tch::TchError;

/// Why a model could not be built or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A device that the model has no head for.
    #[error("device {index} of a model with {heads} heads")]
    Device {
        /// The device that was asked for.
        index: usize,
        /// Heads of the model.
        heads: usize,
    },
    /// A layer refused its input.
    #[error(transparent)]
    Layer(#[from] tachograph_gnn::Error),
    /// libtorch refused a call.
    #[error("{place}: {source}")]
    Torch {
        /// Part of the model.
        place: &'static str,
        /// libtorch's own message.
        source: TchError,
    },
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) fn torch(place: &'static str) -> impl FnOnce(TchError) -> Error {
    move |source| Error::Torch { place, source }
}
