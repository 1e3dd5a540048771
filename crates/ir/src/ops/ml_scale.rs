//! Scaling, replacing and thresholding of features: `ai.onnx.ml`, the shape stays.

use super::axes::product;
use crate::{Call, Class, DType, Fact, Fusion, Node, OpError, Operator, Work};

pub(super) struct MlScale;

impl Operator for MlScale {
    fn names(&self) -> &'static [&'static str] {
        &["Binarizer", "Imputer", "Normalizer", "Scaler"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "ai.onnx.ml"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let dtype = match call.node.op.name() {
            "Normalizer" | "Scaler" => DType::F32,
            _ => call.dtype(0)?,
        };
        Ok(vec![Fact::new(dtype, call.shape(0)?)])
    }

    fn class(&self, node: &Node) -> Class {
        if node.op.name() == "Normalizer" { Class::Normalization } else { Class::Elementwise }
    }

    /// A norm takes a whole row.
    fn fuses(&self, node: &Node) -> Fusion {
        if node.op.name() == "Normalizer" { Fusion::Alone } else { Fusion::Follower }
    }

    /// A difference and a product; a norm and a division; a comparison.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let per_element = match call.node.op.name() {
            "Normalizer" => 3,
            "Scaler" => 2,
            _ => 1,
        };
        product([per_element, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{DType, Fact, attrs};

    #[test]
    fn integers_are_scaled_to_floats() {
        let (facts, work) = run("Scaler", attrs([]), &[Fact::new(DType::I64, [4, 3])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[4, 3]), 24));
    }
}
