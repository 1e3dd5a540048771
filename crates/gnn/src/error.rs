//! Errors of this crate.

use tch::TchError;

/// Why a batch could not be built or a layer could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A graph that does not fit the batch.
    #[error(transparent)]
    Graph(#[from] tachograph_batch::GraphError),
    /// Shapes that do not fit a layer.
    #[error("{layer}: {message}")]
    Shape {
        /// Name of the layer.
        layer: &'static str,
        /// The shapes.
        message: String,
    },
    /// A parameter that holds numbers no network computes with.
    #[error("parameter {name}: {count} of {numel} numbers are not finite")]
    Parameter {
        /// Its name in the `VarStore`.
        name: String,
        /// How many are NaN or infinite.
        count: i64,
        /// How many there are.
        numel: usize,
    },
    /// A device that is not there.
    #[error("device `{device}`: {message}")]
    Device {
        /// The name that was asked for.
        device: String,
        /// Why it cannot be used.
        message: String,
    },
    /// libtorch refused a call.
    #[error("{place}: {source}")]
    Torch {
        /// Layer or operation.
        place: &'static str,
        /// libtorch's own message.
        source: TchError,
    },
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Says in which layer or operation libtorch refused a call: `tensor.f_relu().map_err(torch("ReLU"))`.
pub fn torch(place: &'static str) -> impl FnOnce(TchError) -> Error {
    move |source| Error::Torch { place, source }
}
