//! Errors of this crate.

/// What can go wrong while features are made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The costs of a graph cannot be computed.
    #[error("graph `{graph}`: {source}")]
    Graph {
        /// Name of the graph.
        graph: String,
        /// The cause.
        source: tachograph_ir::Error,
    },
    /// A graph where nothing runs.
    #[error("graph `{graph}` has no node that runs")]
    Empty {
        /// Name of the graph.
        graph: String,
    },
    /// What is no cell of NAS-Bench-201.
    #[error("cell of NAS-Bench-201: {0}")]
    Cell(String),
    /// A set of archives was asked for the features of a graph of this workspace.
    #[error("feature set `{set}` has rows that come from elsewhere, and cannot describe graph `{graph}`")]
    Archive {
        /// The set.
        set: &'static str,
        /// Name of the graph.
        graph: String,
    },
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
    /// A name that no feature set has.
    #[error("no feature set is called `{name}`; there are {known}")]
    UnknownFeatureSet {
        /// The name.
        name: String,
        /// Those there are.
        known: String,
    },
    /// A feature set that fills a column it has not named.
    #[error("feature set `{set}` has no column `{name}`")]
    Column {
        /// The set.
        set: crate::FeatureSet,
        /// The column.
        name: String,
    },
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
