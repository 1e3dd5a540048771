//! What the columns of a [`FeatureGraph`](crate::FeatureGraph) mean.

use serde::{Deserialize, Serialize};

use crate::{Kind, extended, nnlp};

/// The columns of a featuriser, by name. A predictor is only as good as the agreement on these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Version of the meaning of the columns; it changes whenever a column does.
    pub version: u32,
    /// Which featuriser.
    pub kind: Kind,
    /// Operators with a column of their own, in the order of the columns.
    pub operators: Vec<String>,
    /// Columns of a node.
    pub node_columns: Vec<String>,
    /// Columns of a graph.
    pub global_columns: Vec<String>,
}

impl Schema {
    /// The version that this library makes.
    pub const VERSION: u32 = 1;

    /// The schema of NNLP; its operators are fixed.
    pub fn nnlp() -> Self {
        Self {
            version: Self::VERSION,
            kind: Kind::Nnlp,
            operators: nnlp::OPERATORS.map(String::from).to_vec(),
            node_columns: nnlp::node_columns(),
            global_columns: nnlp::global_columns(),
        }
    }

    /// The extended schema for these operators.
    pub fn extended(mut operators: Vec<String>) -> Self {
        operators.sort_unstable();
        operators.dedup();
        Self {
            version: Self::VERSION,
            kind: Kind::Extended,
            node_columns: extended::node_columns(&operators),
            global_columns: extended::global_columns(),
            operators,
        }
    }

    /// Number of leading node columns that are one-hot.
    pub fn one_hot(&self) -> usize {
        match self.kind {
            Kind::Nnlp => nnlp::ONE_HOT,
            Kind::Extended => self.operators.len() + 1,
        }
    }

    /// True when this library gives these columns this meaning.
    pub(crate) fn is_current(&self) -> bool {
        *self
            == match self.kind {
                Kind::Nnlp => Self::nnlp(),
                Kind::Extended => Self::extended(self.operators.clone()),
            }
    }
}
