//! Errors of this crate.

use std::path::PathBuf;

use tachograph_ir::{Assignment, Free, Plain};

/// Why a model file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be opened or read.
    #[error("{}: {source}", Plain(&path.to_string_lossy()))]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A folder, where a file is meant.
    #[error("{}: is a folder{}; give a file", Plain(&path.to_string_lossy()), if *saved { " (a TensorFlow SavedModel: `python -m tf2onnx.convert --saved-model` makes an ONNX file of it)" } else { "" })]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Whether TensorFlow wrote it.
        saved: bool,
    },
    /// Decompression would need more memory than a graph can be worth.
    #[error("{}: more than {limit} bytes after decompression", Plain(&path.to_string_lossy()))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes allowed.
        limit: u64,
    },
    /// A file of another kind.
    #[error("{}: not a model that can be read: {}", Plain(file), Plain(message))]
    Kind {
        /// The file.
        file: String,
        /// What it lacks or what it is.
        message: String,
    },
    /// A file that ends early or contradicts itself.
    #[error("{}: truncated or damaged: {}", Plain(file), Plain(message))]
    Damaged {
        /// The file.
        file: String,
        /// Where it shows.
        message: String,
    },
    /// A truncated or damaged file, or one of another kind: it cannot be told.
    #[error("{}: truncated, damaged or of another kind, at byte {offset} of {length}: {}", Plain(file), Plain(message))]
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
    #[error("{}: tensor `{}`: {}", Plain(file), Plain(tensor), Plain(message))]
    Tensor {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// What is wrong, with its shape.
        message: String,
    },
    /// A function of the file that cannot be expanded.
    #[error("{}: function `{}` {}", Plain(file), Plain(function), Plain(message))]
    Function {
        /// The file.
        file: String,
        /// Its name, with its domain.
        function: String,
        /// What is wrong.
        message: String,
    },
    /// A node that cannot be understood.
    #[error("{}: node {}: {}", Plain(file), Plain(node), Plain(message))]
    Node {
        /// The file.
        file: String,
        /// Name or position of the node, with its operator.
        node: String,
        /// What is wrong.
        message: String,
    },
    /// A name that no architecture of its search space has.
    #[error("{space}: {}: {}", Plain(architecture), Plain(message))]
    Architecture {
        /// The search space.
        space: &'static str,
        /// What was given.
        architecture: String,
        /// What is wrong.
        message: String,
    },
    /// Dimensions that the file leaves open and nobody bound.
    #[error("{}: open without a value: {}; bind {} such as {}", Plain(file), places(open), if open.len() == 1 { "it" } else { "them" }, pairs(example))]
    Open {
        /// The file.
        file: String,
        /// All of them, with the inputs that they belong to.
        open: Vec<Free>,
        /// Values for all, beside those that were given, such that the graph binds if a few guesses found any.
        example: Assignment,
    },
    /// A name to bind that is no open dimension of the model.
    #[error("{}: `{}` cannot be bound: {}", Plain(file), Plain(name), Plain(message))]
    Closed {
        /// The file.
        file: String,
        /// The name.
        name: String,
        /// What stands in the way.
        message: String,
    },
    /// The parts are readable but form no graph: a cycle, a dangling tensor, a tensor written twice.
    #[error("{}: {source}", Plain(file))]
    Graph {
        /// The file or graph.
        file: String,
        /// The cause.
        source: tachograph_ir::Error,
    },
}

impl Error {
    /// The same of a file of another name, where it names one: readers of bytes know the name of the graph alone.
    #[must_use]
    pub fn of(mut self, name: &str) -> Self {
        match &mut self {
            Self::Kind { file, .. }
            | Self::Damaged { file, .. }
            | Self::Decode { file, .. }
            | Self::Tensor { file, .. }
            | Self::Function { file, .. }
            | Self::Node { file, .. }
            | Self::Open { file, .. }
            | Self::Closed { file, .. }
            | Self::Graph { file, .. } => *file = name.to_owned(),
            Self::Io { .. } | Self::Folder { .. } | Self::TooLarge { .. } | Self::Architecture { .. } => {}
        }
        self
    }
}

fn places(open: &[Free]) -> String {
    open.iter().map(Free::place).collect::<Vec<_>>().join(", ")
}

/// Values as a program takes them.
fn pairs(values: &Assignment) -> String {
    values.iter().map(|(name, value)| format!("{}={value}", Plain(name))).collect::<Vec<_>>().join(",")
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
