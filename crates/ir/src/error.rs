//! Errors of this crate.

use std::path::PathBuf;

use crate::{Plain, known_are, listed};

/// What can go wrong with a graph, a binding, a device or a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A node or the graph's interface refers to a tensor that nothing defines.
    #[error(
        "{}: tensor `{}` is used but neither an input, a parameter nor any node's output",
        Plain(place),
        Plain(tensor)
    )]
    Dangling {
        /// Node or interface list that refers to it.
        place: String,
        /// Name or index of the tensor.
        tensor: String,
    },
    /// Two nodes write the same tensor, or a node writes an input or a parameter.
    #[error("tensor `{}` is written by node `{}` but is already defined", Plain(tensor), Plain(node))]
    Redefined {
        /// Name of the tensor.
        tensor: String,
        /// The second writer.
        node: String,
    },
    /// The graph is not acyclic.
    #[error("the graph has a cycle through node `{}`", Plain(node))]
    Cycle {
        /// One node of the cycle.
        node: String,
    },
    /// Hyperparameters that have no value and no default.
    #[error("{} without a value: bind {}", listed(names), pairs(names))]
    Unbound {
        /// The names of all.
        names: Vec<String>,
    },
    /// A hyperparameter's value lies outside its domain.
    #[error("`{}` cannot be {value}: it must be {domain}", Plain(name))]
    OutsideDomain {
        /// Its name.
        name: String,
        /// The refused value.
        value: u64,
        /// The domain, as text.
        domain: String,
    },
    /// A name that nothing defines.
    #[error("unknown {kind} `{}`: {}", Plain(name), known_are(name, known))]
    UnknownName {
        /// What was looked for.
        kind: &'static str,
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A device that is not bundled.
    #[error("unknown device `{}`; {known}", Plain(name))]
    UnknownDevice {
        /// The name.
        name: String,
        /// The one that may be meant, and names of the bundled devices.
        known: String,
    },
    /// An operator refuses its inputs or attributes.
    #[error("node `{}` ({}): {}", Plain(node), Plain(op), Plain(message))]
    Operator {
        /// Name of the node.
        node: String,
        /// Its operator.
        op: String,
        /// What is wrong, with the shapes.
        message: String,
    },
    /// A size does not fit in 64 bits.
    #[error("{}: size exceeds 64 bits", Plain(place))]
    Overflow {
        /// The tensor or node.
        place: String,
    },
    /// A device or graph file that cannot be understood.
    #[error("{}: {}", Plain(what), Plain(message))]
    Format {
        /// File or kind of file.
        what: String,
        /// What is wrong and where.
        message: String,
    },
    /// A binary file that starts with other bytes than its format asks for.
    #[error("{}: not a {format} file: it starts with {found:02x?}", Plain(what))]
    WrongMagic {
        /// File or kind of file.
        what: String,
        /// The format.
        format: &'static str,
        /// Its first bytes.
        found: Vec<u8>,
    },
    /// A binary file of a format version that this program does not know.
    #[error("{}: format version {version}, but this program reads versions up to {supported}", Plain(what))]
    NewerFormat {
        /// File or kind of file.
        what: String,
        /// Its version.
        version: u16,
        /// Newest version known.
        supported: u16,
    },
    /// A binary file that ends early, or goes on after its end.
    #[error("{}: should have {expected} bytes, has {found}", Plain(what))]
    Length {
        /// File or kind of file.
        what: String,
        /// Bytes that its header announces, header included.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// A binary file whose contents changed since it was written.
    #[error("{}: checksum {found:08x} of the contents differs from the recorded {expected:08x}", Plain(what))]
    Checksum {
        /// File or kind of file.
        what: String,
        /// Recorded CRC-32.
        expected: u32,
        /// CRC-32 of the contents.
        found: u32,
    },
    /// A file that cannot be read or written.
    #[error("{}: {source}", Plain(&path.to_string_lossy()))]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

/// `a=…,b=…`
fn pairs(names: &[String]) -> String {
    names.iter().map(|name| format!("{}=…", Plain(name))).collect::<Vec<_>>().join(",")
}

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
