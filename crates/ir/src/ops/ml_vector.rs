//! Features of `ai.onnx.ml` picked, put side by side, and taken from maps.

use super::{
    axes::{extents, product},
    matmul_nbits::positive,
    ml_linear::length,
};
use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Role};

pub(super) struct MlVector;

impl Operator for MlVector {
    fn names(&self) -> &'static [&'static str] {
        &["ArrayFeatureExtractor", "CastMap", "DictVectorizer", "FeatureVectorizer", "ZipMap"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "ai.onnx.ml"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        match call.node.op.name() {
            "ArrayFeatureExtractor" => {
                let (x, picked) = (call.shape(0)?, product(call.shape(1)?.iter().copied())?);
                let outer = match x {
                    [] => return Err("a scalar holds no features".to_owned().into()),
                    [_] => &[1][..],
                    [outer @ .., _] => outer,
                };
                Ok(vec![Fact::new(call.dtype(0)?, [outer, &[picked]].concat())])
            }
            "FeatureVectorizer" => {
                let widths = extents(call.list("inputdimensions").unwrap_or_default())?;
                let width = widths.into_iter().try_fold(0u64, u64::checked_add).ok_or(OpError::Unknown)?;
                let rows = if call.shape(0)?.len() > 1 { call.shape(0)?[0] } else { 1 };
                Ok(vec![Fact::new(DType::F32, [rows, width])])
            }
            "DictVectorizer" => {
                let words = length(call.node, "string_vocabulary").max(length(call.node, "int64_vocabulary"));
                Ok(vec![Fact::new(call.dtype(0)?, [1, words])])
            }
            "CastMap" => {
                let dtype = match call.text("cast_to", "TO_FLOAT") {
                    "TO_INT64" => DType::I64,
                    "TO_STRING" => DType::String,
                    _ => DType::F32,
                };
                // A dense map has as many entries as it has.
                match call.text("map_form", "DENSE") {
                    "SPARSE" => Ok(vec![Fact::new(dtype, [1, positive(call, "max_map").unwrap_or(1)])]),
                    _ => Ok(vec![Fact::unknown(dtype)]),
                }
            }
            // A sequence of maps is no tensor.
            _ => Err(OpError::Unknown),
        }
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        match node.op.name() {
            "FeatureVectorizer" => Some(Role::Data),
            "ArrayFeatureExtractor" => [Role::Data, Role::Coordinates].get(i).copied(),
            _ => (i == 0).then_some(Role::Data),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{DType, Fact, OpError, attrs};

    #[test]
    fn picked_and_side_by_side() {
        let places = Fact::new(DType::I64, [1, 2]);
        assert_eq!(shape("ArrayFeatureExtractor", attrs([]), &[f32(&[5, 4]), places.clone()]).unwrap(), [5, 2]);
        assert_eq!(shape("ArrayFeatureExtractor", attrs([]), &[f32(&[4]), places]).unwrap(), [1, 2]);
        let widths = attrs([("inputdimensions", vec![4, 3].into())]);
        assert_eq!(shape("FeatureVectorizer", widths, &[f32(&[5, 4]), f32(&[5, 3])]).unwrap(), [5, 7]);
        assert_eq!(run("ZipMap", attrs([]), &[f32(&[5, 4])]), Err(OpError::Unknown));
    }
}
