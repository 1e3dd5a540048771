//! Shapes that ONNX Runtime's own operators make of one tensor: a new axis, windows along an axis, unique elements.

use super::{axes, axes::position, matmul_nbits::positive};
use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Role, Work};

pub(super) struct Slices;

impl Operator for Slices {
    fn names(&self) -> &'static [&'static str] {
        &["ExpandDims", "SampleOp", "UnfoldTensor", "com.microsoft::Unique"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (mut shape, dtype) = (call.shape(0)?.to_vec(), call.dtype(0)?);
        match call.node.op.name() {
            "ExpandDims" => {
                let axis = call.ints(1)?.first().copied().ok_or(OpError::Unknown)?;
                let place =
                    position(axis, shape.len() + 1).ok_or_else(|| format!("axis {axis} is outside {shape:?}"))?;
                shape.insert(place, 1);
            }
            "UnfoldTensor" => {
                let (size, step) = (positive(call, "size")?, u64::try_from(call.int("step", 1)).unwrap_or(0));
                let axis = axes::axis(call.int("dim", -1), &shape)?;
                let rest = shape[axis].checked_sub(size).and_then(|n| n.checked_div(step));
                shape[axis] =
                    rest.and_then(|n| n.checked_add(1)).ok_or_else(|| format!("no slice of {size} in {shape:?}"))?;
                shape.push(size);
            }
            // Which elements are equal is for the data to say; each has its place among them.
            "Unique" => {
                let places = Fact::new(DType::I64, shape);
                return Ok(vec![Fact::unknown(dtype), places, Fact::unknown(DType::I64)]);
            }
            _ => {}
        }
        let value = call.input(0)?.value.clone().filter(|_| call.node.op.name() == "ExpandDims");
        Ok(vec![Fact::new(dtype, shape).with_value(value)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Shape].get(i).copied().filter(|_| i == 0 || node.op.name() == "ExpandDims")
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        Ok(if matches!(call.node.op.name(), "ExpandDims" | "SampleOp") { Work::VIEW } else { Work::MOVE })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, int, run, shape};
    use crate::{Attr, DType, Fact, OpType, attrs};

    #[test]
    fn axes_and_windows() {
        assert_eq!(shape("ExpandDims", attrs([]), &[f32(&[2, 3]), int(-1)]).unwrap(), [2, 3, 1]);
        let window = attrs([("dim", Attr::Int(1)), ("size", Attr::Int(4)), ("step", Attr::Int(2))]);
        assert_eq!(shape("UnfoldTensor", window, &[f32(&[3, 10, 2])]).unwrap(), [3, 4, 2, 4]);
        assert!(shape("UnfoldTensor", attrs([("size", Attr::Int(9))]), &[f32(&[3, 4])]).is_err());
    }

    #[test]
    fn unique_elements_of_its_domain() {
        let unique = OpType::with_domain("com.microsoft", "Unique");
        assert_eq!((unique.name(), unique.domain(), unique.is_custom()), ("Unique", "com.microsoft", false));
        let (facts, _) = run("com.microsoft::Unique", attrs([]), &[f32(&[7])]).unwrap();
        assert_eq!((facts[0].shape.clone(), facts[1].clone()), (None, Fact::new(DType::I64, [7])));
    }
}
