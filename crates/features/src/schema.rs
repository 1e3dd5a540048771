//! What the columns of a [`FeatureGraph`](crate::FeatureGraph) mean.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tachograph_ir::OpType;

use crate::{FeatureSet, brp_nas, costs, dippm, dnnperf, learned_roofline, nnlp, perfsage, slapp};

/// The columns of a featuriser, by name. A predictor is only as good as the agreement on these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Version of the meaning of the columns; it changes whenever a column does.
    pub version: u32,
    /// Which featuriser.
    pub kind: FeatureSet,
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
        Self::new(FeatureSet::Nnlp, vec![])
    }

    /// The costs schema for these operators.
    pub fn costs(operators: Vec<String>) -> Self {
        Self::new(FeatureSet::Costs, operators)
    }

    /// The schema of `kind` for these operators, which count only where the kind does not fix its own.
    pub fn new(kind: FeatureSet, mut operators: Vec<String>) -> Self {
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
            FeatureSet::Nnlp | FeatureSet::Slapp => {
                schema.operators = names(&nnlp::OPERATORS);
                schema.node_columns = nnlp::node_columns();
            }
            FeatureSet::Dippm | FeatureSet::DippmEdges => {
                schema.operators = names(&dippm::OPERATORS);
                schema.node_columns = dippm::node_columns();
                schema.global_columns = names(&dippm::GLOBAL_COLUMNS);
            }
            FeatureSet::Cell => {
                schema.operators = names(&brp_nas::OPERATORS);
                schema.node_columns = names(&brp_nas::COLUMNS);
            }
            FeatureSet::DnnPerf | FeatureSet::DnnPerfForward => {
                schema.node_columns = dnnperf::node_columns(&schema.operators);
                schema.edge_columns = names(&dnnperf::EDGE_COLUMNS);
            }
            FeatureSet::LearnedRoofline => schema.node_columns = learned_roofline::node_columns(&schema.operators),
            FeatureSet::PerfSage => schema.node_columns = perfsage::node_columns(&schema.operators),
            FeatureSet::Costs | FeatureSet::GlobalNode => {
                schema.node_columns = costs::node_columns(&schema.operators);
                schema.global_columns = costs::global_columns();
            }
        }
        match kind {
            FeatureSet::LearnedRoofline => schema.global_columns = names(&learned_roofline::GLOBAL_COLUMNS),
            FeatureSet::Nnlp => schema.global_columns = nnlp::global_columns(),
            FeatureSet::Slapp => schema.edge_columns = names(&slapp::EDGE_COLUMNS),
            FeatureSet::GlobalNode => schema.node_columns.push("global".into()),
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
            FeatureSet::Nnlp | FeatureSet::Slapp => nnlp::ONE_HOT,
            FeatureSet::Dippm | FeatureSet::DippmEdges => dippm::ONE_HOT,
            FeatureSet::Cell => self.node_columns.len(),
            FeatureSet::Costs
            | FeatureSet::GlobalNode
            | FeatureSet::DnnPerf
            | FeatureSet::DnnPerfForward
            | FeatureSet::PerfSage => self.operators.len() + 1,
            FeatureSet::LearnedRoofline => learned_roofline::untouched(self.operators.len()),
        }
    }

    /// The same of graph columns.
    pub(crate) fn untouched_globals(&self) -> usize {
        if self.kind == FeatureSet::LearnedRoofline { self.global_columns.len() } else { 0 }
    }

    /// Number of leading node columns that the normaliser sees: all but the mark of a global node.
    pub(crate) fn normalized(&self) -> usize {
        self.node_columns.len() - usize::from(self.kind == FeatureSet::GlobalNode)
    }

    /// True when this library gives these columns this meaning.
    pub(crate) fn is_current(&self) -> bool {
        *self == Self::new(self.kind, self.operators.clone())
    }
}
