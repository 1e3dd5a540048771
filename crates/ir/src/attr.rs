//! Attributes of operators.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The value of an attribute. Names and meanings of attributes are ONNX's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Attr {
    Int(i64),
    Float(#[serde(with = "crate::floats::one")] f64),
    Str(String),
    Ints(Vec<i64>),
    Floats(#[serde(with = "crate::floats::many")] Vec<f64>),
    Strs(Vec<String>),
    /// The body of a control-flow operator. Its inputs are the formal ones, then what it takes from the graph around
    /// it; the node has the latter as operands after its own. It has no hyperparameters. At most eight lie in one
    /// another.
    Graph(#[serde(with = "crate::nesting")] Box<crate::Graph>),
    /// A hyperparameter: binding turns it into `Int`, or into `Ints` with `repeat` equal entries
    /// when `repeat > 0` (a square kernel is `repeat: 2`).
    Free {
        name: String,
        repeat: u8,
    },
}

/// Attributes by name, in a fixed order.
pub type Attrs = BTreeMap<String, Attr>;

macro_rules! from {
    ($($t:ty => $variant:ident),* $(,)?) => {$(
        impl From<$t> for Attr {
            fn from(v: $t) -> Self {
                Self::$variant(v.into())
            }
        }
    )*};
}
from! { i64 => Int, f64 => Float, &str => Str, Vec<i64> => Ints, Vec<f64> => Floats }

/// Attributes from `(name, value)` pairs.
pub fn attrs<const N: usize>(pairs: [(&str, Attr); N]) -> Attrs {
    pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
}
