//! Errors of this crate.

/// Why a page cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operator whose cost is unknown.
    #[error(transparent)]
    Graph(#[from] tachograph_ir::Error),
    /// An edge of a [`DrawnNetwork`](crate::DrawnNetwork) that does not lead forward between vertices.
    #[error("edge {from} → {to} of a network of {vertices} vertices: edges lead from earlier vertices to later ones")]
    Edge {
        /// Where it begins.
        from: usize,
        /// Where it ends.
        to: usize,
        /// How many vertices there are.
        vertices: usize,
    },
    /// The template cannot be filled in.
    #[error("page: {0}")]
    Template(#[from] askama::Error),
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
