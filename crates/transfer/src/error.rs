//! Errors of this crate.

use tachograph_ir::Plain;

/// What can go wrong while a predictor without a network is fitted or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The costs of a graph cannot be computed.
    #[error("graph `{}`: {source}", Plain(graph))]
    Graph {
        /// Name of the graph.
        graph: String,
        /// The cause.
        source: tachograph_ir::Error,
    },
    /// A graph cannot be described by numbers.
    #[error(transparent)]
    Features(#[from] tachograph_features::Error),
    /// Nothing to fit on.
    #[error("{what} cannot be fitted on {samples} samples; it needs {needed}")]
    TooFew {
        /// What was to be fitted.
        what: &'static str,
        /// Samples given.
        samples: usize,
        /// Samples needed.
        needed: usize,
    },
    /// Inputs that do not belong together.
    #[error("{what}: {found} where {expected} are expected")]
    Mismatch {
        /// What is counted.
        what: &'static str,
        /// The number found.
        found: usize,
        /// The number expected.
        expected: usize,
    },
    /// A number that is not finite, or not positive where it must be.
    #[error("{what} of sample {sample} is {value}")]
    Value {
        /// What it is.
        what: &'static str,
        /// Position among the samples.
        sample: usize,
        /// The number.
        value: f64,
    },
    /// Latencies that no efficiency explains: the bound of a roofline is 0 or infinite.
    #[error("roofline: the fitted efficiency is {0}")]
    Efficiency(f64),
    /// A device file that lacks a figure.
    #[error("device `{}`: its file has no {what}", Plain(device))]
    Device {
        /// Name of the device.
        device: String,
        /// The figure.
        what: &'static str,
    },
    /// A node of a transformer's graph that is not what its operator says.
    #[error("node `{}`: {}", Plain(node), Plain(message))]
    Node {
        /// Name of the node.
        node: String,
        /// What is wrong with it.
        message: String,
    },
    /// A transformer of which it is not known which nodes are a layer.
    #[error("model `{}`: {message}", Plain(model))]
    Layer {
        /// Name of the model.
        model: String,
        /// What is missing.
        message: &'static str,
    },
    /// A library that fits refuses.
    #[error("{library}: {message}")]
    Library {
        /// Its name.
        library: &'static str,
        /// What it says.
        message: String,
    },
    /// A predictor asked before it was fitted.
    #[error("{0} is asked before it is fitted")]
    NotFitted(&'static str),
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
