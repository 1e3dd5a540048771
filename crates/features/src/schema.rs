//! What the columns of a [`FeatureGraph`](crate::FeatureGraph) mean.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tachograph_ir::OpType;

use crate::{Columns, Error, FeatureSet, Result, columns};

/// The columns of a featuriser, by name. A predictor is only as good as the agreement on these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Version of the meaning of the columns; it changes whenever a column does.
    pub version: u32,
    /// Which featuriser.
    #[serde(rename = "kind")]
    pub set: FeatureSet,
    /// Operators with a column of their own, in the order of the columns.
    pub operators: Vec<String>,
    /// Columns of a node.
    pub node_columns: Vec<String>,
    /// Columns of an edge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edge_columns: Vec<String>,
    /// Columns of a graph.
    pub global_columns: Vec<String>,
}

impl Schema {
    /// The version that this library makes.
    pub const VERSION: u32 = 1;

    /// The schema of `set` for these operators, which count only where the set does not fix its own.
    pub fn new(set: FeatureSet, mut operators: Vec<String>) -> Self {
        match set.fixed_operators() {
            Some(fixed) => operators = columns::names(fixed),
            None => {
                operators.sort_unstable();
                operators.dedup();
            }
        }
        let columns = set.columns(&operators);
        Self {
            version: Self::VERSION,
            set,
            operators,
            node_columns: [columns.kept, columns.scaled, columns.appended].concat(),
            edge_columns: columns.edges,
            global_columns: [columns.kept_globals, columns.scaled_globals].concat(),
        }
    }

    /// Place of a column of a node.
    pub fn node_column(&self, name: &str) -> Option<usize> {
        self.node_columns.iter().position(|column| column == name)
    }

    /// Place of a column of an edge.
    pub fn edge_column(&self, name: &str) -> Option<usize> {
        self.edge_columns.iter().position(|column| column == name)
    }

    /// Place of a column of a graph.
    pub fn global_column(&self, name: &str) -> Option<usize> {
        self.global_columns.iter().position(|column| column == name)
    }

    /// Place of a column of a node that the set itself has named.
    pub(crate) fn place(&self, name: &str) -> Result<usize> {
        self.node_column(name).ok_or_else(|| Error::Column { set: self.set, name: name.to_owned() })
    }

    /// Place of an operator among its one-hot columns: the last, and a name in `unknown`, where it has none of its own.
    pub(crate) fn slot(&self, op: &OpType, unknown: &mut BTreeSet<String>) -> usize {
        let name = op.to_string();
        self.operators.binary_search(&name).unwrap_or_else(|_| {
            unknown.insert(name);
            self.operators.len()
        })
    }

    /// The columns by what becomes of them.
    pub(crate) fn columns(&self) -> Columns {
        self.set.columns(&self.operators)
    }

    /// True when this library gives these columns this meaning.
    pub(crate) fn is_current(&self) -> bool {
        *self == Self::new(self.set, self.operators.clone())
    }
}
