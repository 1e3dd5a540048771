//! Linear models and support vector machines of `ai.onnx.ml`: (N, F) → N predictions and their scores. Weights are
//! attributes: they are in no file of tensors, and so not among the parameters.

use super::{axes::product, matmul_nbits::positive};
use crate::{Attr, Call, Class, DType, Fact, Fusion, Node, OpError, Operator, Work};

pub(super) struct MlLinear;

/// Rows and columns; a vector is one row.
pub(super) fn table(call: &Call<'_>) -> Result<[u64; 2], OpError> {
    match *call.shape(0)? {
        [n] => Ok([1, n]),
        [rows, columns] => Ok([rows, columns]),
        ref x => Err(format!("{x:?} is no table").into()),
    }
}

/// Length of a list among the attributes.
pub(super) fn length(node: &Node, name: &str) -> u64 {
    match node.attrs.get(name) {
        Some(Attr::Ints(v)) => v.len() as u64,
        Some(Attr::Floats(v)) => v.len() as u64,
        Some(Attr::Strs(v)) => v.len() as u64,
        // A tensor of one element is that element.
        Some(Attr::Int(_) | Attr::Float(_)) => 1,
        _ => 0,
    }
}

/// Type of the labels, and how many there are.
pub(super) fn labels(node: &Node, integers: &str) -> (DType, u64) {
    match length(node, "classlabels_strings") {
        0 => (DType::I64, length(node, integers)),
        n => (DType::String, n),
    }
}

fn vectors(node: &Node) -> bool {
    node.op.name().starts_with("SVM")
}

/// Columns of the scores.
fn scores(call: &Call<'_>) -> u64 {
    let (_, labels) = labels(call.node, "classlabels_ints");
    if !vectors(call.node) {
        return match length(call.node, "intercepts") {
            // A second column is the rest to one.
            1 if labels == 2 && call.text("post_transform", "NONE") != "PROBIT" => 2,
            n => n,
        };
    }
    let pairs = (labels.saturating_mul(labels.saturating_sub(1))) / 2;
    match length(call.node, "prob_a") > 0 || length(call.node, "vectors_per_class") == 0 || pairs <= 1 {
        true => labels,
        false => pairs,
    }
}

impl Operator for MlLinear {
    fn names(&self) -> &'static [&'static str] {
        &["LinearClassifier", "LinearRegressor", "SVMClassifier", "SVMRegressor"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "ai.onnx.ml"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let [rows, _] = table(call)?;
        match call.node.op.name() {
            "LinearRegressor" => {
                let targets = positive(call, "targets").unwrap_or(1);
                Ok(vec![Fact::new(DType::F32, [rows, targets])])
            }
            "SVMRegressor" => Ok(vec![Fact::new(DType::F32, [rows, 1])]),
            _ => {
                let labels = Fact::new(labels(call.node, "classlabels_ints").0, [rows]);
                Ok(vec![labels, Fact::new(DType::F32, [rows, scores(call)])])
            }
        }
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    /// Every row meets every weight, or every support vector.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let [rows, _] = table(call)?;
        let weights = length(call.node, "support_vectors").saturating_add(length(call.node, "coefficients"));
        Work::macs(Some(product([rows, weights])?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, Attrs, DType, Fact, attrs};

    fn model(labels: usize, weights: usize) -> Attrs {
        let (labels, intercepts) =
            ((0..labels as i64).collect::<Vec<_>>(), vec![0.0; if labels == 2 { 1 } else { labels }]);
        let coefficients = Attr::Floats(vec![1.0; weights]);
        attrs([("classlabels_ints", labels.into()), ("intercepts", intercepts.into()), ("coefficients", coefficients)])
    }

    #[test]
    fn two_classes_need_one_intercept() {
        let (facts, work) = run("LinearClassifier", model(3, 12), &[f32(&[5, 4])]).unwrap();
        assert_eq!((facts, work.macs), (vec![Fact::new(DType::I64, [5]), f32(&[5, 3])], 60));
        assert_eq!(run("LinearClassifier", model(2, 4), &[f32(&[5, 4])]).unwrap().0[1], f32(&[5, 2]));
        let targets = attrs([("targets", Attr::Int(2)), ("coefficients", Attr::Floats(vec![1.0; 8]))]);
        assert_eq!(run("LinearRegressor", targets, &[f32(&[5, 4])]).unwrap().0[0], f32(&[5, 2]));
    }
}
