//! Operators that ONNX had on trial before its sixth operator set and then dropped: arithmetic by element.
//!
//! Affine (α·x + β), ImageScaler (a factor, and a term per channel) and ScaledTanh (α·tanh(β·x)) take 2 operations per
//! element, the others 1; a step of GRUUnit takes 10.

use super::axes::product;
use crate::{Call, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Experimental;

impl Operator for Experimental {
    fn names(&self) -> &'static [&'static str] {
        &["Affine", "GRUUnit", "ImageScaler", "ParametricSoftplus", "Scale", "ScaledTanh"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        Ok(vec![Fact::new(call.dtype(0)?, call.shape(0)?)])
    }

    fn fuses(&self, node: &Node) -> Fusion {
        if node.op.name() == "GRUUnit" { Fusion::Alone } else { Fusion::Follower }
    }

    fn activates(&self, node: &Node) -> bool {
        matches!(node.op.name(), "ParametricSoftplus" | "ScaledTanh")
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match node.op.name() {
            "GRUUnit" => &[Role::State, Role::Data, Role::Shape, Role::Shape],
            _ => &[Role::Data],
        };
        roles.get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let per_element = match call.node.op.name() {
            "GRUUnit" => 10,
            "Affine" | "ImageScaler" | "ScaledTanh" => 2,
            _ => 1,
        };
        product([per_element, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::attrs;

    #[test]
    fn shapes_stay() {
        for (op, flops) in [("Affine", 24), ("ImageScaler", 24), ("ParametricSoftplus", 12), ("GRUUnit", 120)] {
            let (facts, work) = run(op, attrs([]), &[f32(&[1, 3, 4])]).unwrap();
            assert_eq!((facts[0].clone(), work.flops), (f32(&[1, 3, 4]), flops), "{op}");
        }
    }
}
