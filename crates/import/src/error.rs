//! Errors of this crate.

use std::path::PathBuf;

/// Why a model file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be opened or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Decompression would need more memory than a graph can be worth.
    #[error("{}: more than {limit} bytes after decompression", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes allowed.
        limit: u64,
    },
    /// A file of another kind.
    #[error("{file}: not a model that can be read: {message}")]
    Kind {
        /// The file.
        file: String,
        /// What it lacks or what it is.
        message: String,
    },
    /// A truncated or damaged file.
    #[error("{file}: truncated, damaged or of another kind, at byte {offset} of {length}: {message}")]
    Decode {
        /// The file.
        file: String,
        /// Where reading stopped.
        offset: usize,
        /// Length of the file after decompression.
        length: usize,
        /// Which field could not be read, and why.
        message: String,
    },
    /// A tensor that cannot exist.
    #[error("{file}: tensor `{tensor}`: {message}")]
    Tensor {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// What is wrong, with its shape.
        message: String,
    },
    /// A function of the file that cannot be expanded.
    #[error("{file}: function `{function}` {message}")]
    Function {
        /// The file.
        file: String,
        /// Its name, with its domain.
        function: String,
        /// What is wrong.
        message: String,
    },
    /// A node that cannot be understood.
    #[error("{file}: node {node}: {message}")]
    Node {
        /// The file.
        file: String,
        /// Name or position of the node, with its operator.
        node: String,
        /// What is wrong.
        message: String,
    },
    /// A name that no architecture of its search space has.
    #[error("{space}: {architecture}: {message}")]
    Architecture {
        /// The search space.
        space: &'static str,
        /// What was given.
        architecture: String,
        /// What is wrong.
        message: String,
    },
    /// Dimensions that the file leaves open and nobody bound.
    #[error("{file}: {} open: bind {} (such as {})", list(names), if names.len() == 1 { "it" } else { "them" }, example(names))]
    Open {
        /// The file.
        file: String,
        /// Their names.
        names: Vec<String>,
    },
    /// A name to bind that is no open dimension of the model.
    #[error("{file}: `{name}` cannot be bound: {message}")]
    Closed {
        /// The file.
        file: String,
        /// The name.
        name: String,
        /// What stands in the way.
        message: String,
    },
    /// The parts are readable but form no graph: a cycle, a dangling tensor, a tensor written twice.
    #[error("{file}: {source}")]
    Graph {
        /// The file or graph.
        file: String,
        /// The cause.
        source: tachograph_ir::Error,
    },
}

fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("{} {}", names.join(", "), if names.len() == 1 { "is" } else { "are" })
}

/// Values that bind all of `names`, as a program takes them.
fn example(names: &[String]) -> String {
    names.iter().map(|name| format!("{name}=128")).collect::<Vec<_>>().join(",")
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
