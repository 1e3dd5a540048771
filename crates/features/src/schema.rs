//! What the columns of a [`FeatureGraph`](crate::FeatureGraph) mean.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tachograph_ir::OpType;

use crate::{Kind, brp_nas, dippm, dnnperf, extended, nnlp, perfsage, slapp, tachograph};

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
    /// Columns of an edge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edge_columns: Vec<String>,
    /// Columns of a graph.
    pub global_columns: Vec<String>,
}

impl Schema {
    /// The version that this library makes.
    pub const VERSION: u32 = 1;

    /// The schema of NNLP; its operators are fixed.
    pub fn nnlp() -> Self {
        Self::new(Kind::Nnlp, vec![])
    }

    /// The extended schema for these operators.
    pub fn extended(operators: Vec<String>) -> Self {
        Self::new(Kind::Extended, operators)
    }

    /// The schema of `kind` for these operators, which count only where the kind does not fix its own.
    pub fn new(kind: Kind, mut operators: Vec<String>) -> Self {
        operators.sort_unstable();
        operators.dedup();
        let names = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
        let mut schema = Self {
            version: Self::VERSION,
            kind,
            operators,
            node_columns: vec![],
            edge_columns: vec![],
            global_columns: vec![],
        };
        match kind {
            Kind::Nnlp | Kind::Slapp => {
                schema.operators = names(&nnlp::OPERATORS);
                schema.node_columns = nnlp::node_columns();
            }
            Kind::Dippm | Kind::DippmEdges => {
                schema.operators = names(&dippm::OPERATORS);
                schema.node_columns = dippm::node_columns();
                schema.global_columns = names(&dippm::GLOBAL_COLUMNS);
            }
            Kind::Cell => {
                schema.operators = names(&brp_nas::OPERATORS);
                schema.node_columns = names(&brp_nas::COLUMNS);
            }
            Kind::DnnPerf | Kind::DnnPerfForward => {
                schema.node_columns = dnnperf::node_columns(&schema.operators);
                schema.edge_columns = names(&dnnperf::EDGE_COLUMNS);
            }
            Kind::Tachograph => schema.node_columns = tachograph::node_columns(&schema.operators),
            Kind::PerfSage => schema.node_columns = perfsage::node_columns(&schema.operators),
            Kind::Extended | Kind::GlobalNode => {
                schema.node_columns = extended::node_columns(&schema.operators);
                schema.global_columns = extended::global_columns();
            }
        }
        match kind {
            Kind::Tachograph => schema.global_columns = names(&tachograph::GLOBAL_COLUMNS),
            Kind::Nnlp => schema.global_columns = nnlp::global_columns(),
            Kind::Slapp => schema.edge_columns = names(&slapp::EDGE_COLUMNS),
            Kind::GlobalNode => schema.node_columns.push("global".into()),
            _ => {}
        }
        schema
    }

    /// Place of an operator among its one-hot columns: the last, and a name in `unknown`, where it has none of its own.
    pub(crate) fn slot(&self, op: &OpType, unknown: &mut BTreeSet<String>) -> usize {
        let name = op.to_string();
        self.operators.binary_search(&name).unwrap_or_else(|_| {
            unknown.insert(name);
            self.operators.len()
        })
    }

    /// Number of leading node columns that are not normalised.
    pub fn untouched(&self) -> usize {
        match self.kind {
            Kind::Nnlp | Kind::Slapp => nnlp::ONE_HOT,
            Kind::Dippm | Kind::DippmEdges => dippm::ONE_HOT,
            Kind::Cell => self.node_columns.len(),
            Kind::Extended | Kind::GlobalNode | Kind::DnnPerf | Kind::DnnPerfForward | Kind::PerfSage => {
                self.operators.len() + 1
            }
            Kind::Tachograph => tachograph::untouched(self.operators.len()),
        }
    }

    /// The same of graph columns.
    pub(crate) fn untouched_globals(&self) -> usize {
        if self.kind == Kind::Tachograph { self.global_columns.len() } else { 0 }
    }

    /// Number of leading node columns that the normaliser sees: all but the mark of a global node.
    pub(crate) fn normalized(&self) -> usize {
        self.node_columns.len() - usize::from(self.kind == Kind::GlobalNode)
    }

    /// True when this library gives these columns this meaning.
    pub(crate) fn is_current(&self) -> bool {
        *self == Self::new(self.kind, self.operators.clone())
    }
}
