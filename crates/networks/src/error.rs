//! Errors of this crate.

/// Why there is no such network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that is no family's.
    #[error("unknown family `{0}`")]
    UnknownFamily(String),
    /// A graph that does not validate or bind.
    #[error("network {family}:{seed}:{index}: {source}")]
    Graph {
        /// Its family.
        family: String,
        /// Seed of the set.
        seed: u64,
        /// Index within the family.
        index: u64,
        /// The cause.
        source: tachograph_ir::Error,
    },
    /// No random draw was within the bounds of [`sample`](crate::sample).
    #[error("{family}:{seed}:{index}: none of {draws} draws is within the bounds of size and cost")]
    Exhausted {
        /// Family to draw from.
        family: String,
        /// Seed of the set.
        seed: u64,
        /// Index within the family.
        index: u64,
        /// Number of draws made.
        draws: u64,
    },
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
