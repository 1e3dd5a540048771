//! Ensembles of trees of `ai.onnx.ml`: (N, F) → N predictions and their scores. One comparison a level, the levels being
//! those of balanced trees with as many nodes.

use std::collections::HashSet;

use super::{
    axes::product,
    matmul_nbits::positive,
    ml_linear::{labels, length, table},
};
use crate::{Call, DType, Fact, Fusion, Node, OpError, Operator, Work};

pub(super) struct MlTree;

/// Numbers of trees and of their nodes.
fn trees(node: &Node) -> (u64, u64) {
    let trees = match node.ints("nodes_treeids") {
        Some(ids) => ids.iter().collect::<HashSet<_>>().len() as u64,
        None => length(node, "tree_roots"),
    };
    (trees, length(node, "nodes_featureids"))
}

impl Operator for MlTree {
    fn names(&self) -> &'static [&'static str] {
        &["TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "ai.onnx.ml"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let [rows, _] = table(call)?;
        if call.node.op.name() == "TreeEnsembleClassifier" {
            let (dtype, classes) = labels(call.node, "classlabels_int64s");
            return Ok(vec![Fact::new(dtype, [rows]), Fact::new(DType::F32, [rows, classes])]);
        }
        let targets = positive(call, "n_targets").unwrap_or(1);
        let dtype = if call.node.op.name() == "TreeEnsemble" { call.dtype(0)? } else { DType::F32 };
        Ok(vec![Fact::new(dtype, [rows, targets])])
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let (trees, nodes) = trees(call.node);
        let levels = nodes.checked_div(trees).map_or(0, |each| u64::from(each.saturating_add(1).ilog2()));
        product([table(call)?[0], trees, levels.max(1)]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn a_comparison_a_level() {
        let forest = attrs([
            ("nodes_treeids", vec![0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1].into()),
            ("nodes_featureids", vec![0; 14].into()),
            ("classlabels_strings", Attr::Strs(vec!["a".into(), "b".into(), "c".into()])),
        ]);
        let (facts, work) = run("TreeEnsembleClassifier", forest, &[f32(&[5, 4])]).unwrap();
        assert_eq!((facts, work.flops), (vec![Fact::new(DType::String, [5]), f32(&[5, 3])], 5 * 2 * 3));
        assert!(run("TreeEnsembleRegressor", attrs([]), &[f32(&[5, 4, 3])]).is_err());
    }
}
