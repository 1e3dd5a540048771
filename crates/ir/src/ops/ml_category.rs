//! Categories of `ai.onnx.ml` as numbers, and back.

use super::ml_linear::length;
use crate::{Attr, Call, Class, DType, Fact, Node, OpError, Operator};

pub(super) struct MlCategory;

/// Type of the values that a label encoder gives.
fn encoded(call: &Call<'_>) -> Result<DType, OpError> {
    let given = |name: &str| length(call.node, name) > 0;
    Ok(match call.attrs().get("values_tensor.dtype") {
        Some(Attr::Int(code)) => DType::from_onnx(*code).ok_or(OpError::Unknown)?,
        _ if given("values_floats") => DType::F32,
        _ if given("values_int64s") => DType::I64,
        _ if given("values_strings") || given("keys_tensor") => DType::String,
        // The first version, and mappers of categories: the other one of the two.
        _ if call.dtype(0)? == DType::String => DType::I64,
        _ => DType::String,
    })
}

impl Operator for MlCategory {
    fn names(&self) -> &'static [&'static str] {
        &["CategoryMapper", "LabelEncoder", "OneHotEncoder"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "ai.onnx.ml"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        if call.node.op.name() == "OneHotEncoder" {
            let categories = length(call.node, "cats_int64s").max(length(call.node, "cats_strings"));
            return Ok(vec![Fact::new(DType::F32, [x, &[categories]].concat())]);
        }
        Ok(vec![Fact::new(encoded(call)?, x)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn types_of_labels() {
        let words = Fact::new(DType::String, [5, 1]);
        let first = attrs([("classes_strings", Attr::Strs(vec!["a".into()]))]);
        assert_eq!(run("LabelEncoder", first, std::slice::from_ref(&words)).unwrap().0[0].dtype, DType::I64);
        let floats = attrs([("values_floats", Attr::Floats(vec![0.5]))]);
        assert_eq!(run("LabelEncoder", floats, std::slice::from_ref(&words)).unwrap().0[0], f32(&[5, 1]));
        let three = attrs([("cats_int64s", vec![4, 5, 6].into())]);
        assert_eq!(run("OneHotEncoder", three, &[Fact::new(DType::I64, [5, 1])]).unwrap().0[0], f32(&[5, 1, 3]));
    }
}
