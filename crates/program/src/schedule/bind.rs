//! What a loop of a GPU program is bound to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most threads of a block.
pub(crate) const MAX_THREADS: u64 = 1024;

/// A dimension of a grid or of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Dim {
    X,
    Y,
    Z,
}

/// What a loop is bound to; written and serialised as CUDA calls it: `blockIdx.x`, `threadIdx.y`, `vthread`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Binding {
    /// The blocks of a grid.
    Block(Dim),
    /// The threads of a block.
    Thread(Dim),
    /// Virtual threads: each thread does the work of all of them, side by side, with registers for each.
    Vthread,
}

impl Binding {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Block(Dim::X),
        Self::Block(Dim::Y),
        Self::Block(Dim::Z),
        Self::Thread(Dim::X),
        Self::Thread(Dim::Y),
        Self::Thread(Dim::Z),
        Self::Vthread,
    ];

    /// The most trips of a loop that is bound to it, on any device of CUDA's compute capability 3.0 to 12.0.
    pub fn most(self) -> Option<u64> {
        match self {
            Self::Block(Dim::X) => Some((1 << 31) - 1),
            Self::Block(_) => Some(65_535),
            Self::Thread(Dim::Z) => Some(64),
            Self::Thread(_) => Some(MAX_THREADS),
            Self::Vthread => None,
        }
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block(dim) => write!(f, "blockIdx.{}", crate::text::lower(dim)),
            Self::Thread(dim) => write!(f, "threadIdx.{}", crate::text::lower(dim)),
            Self::Vthread => f.write_str("vthread"),
        }
    }
}

impl TryFrom<String> for Binding {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|binding| binding.to_string() == text);
        found.ok_or_else(|| format!("a loop is not bound to `{text}`"))
    }
}

impl From<Binding> for String {
    fn from(binding: Binding) -> Self {
        binding.to_string()
    }
}
