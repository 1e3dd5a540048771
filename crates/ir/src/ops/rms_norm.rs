//! Normalisations by root mean square that ONNX Runtime has fused with a gate, a rotation, or over branches: 5 operations
//! per element, and what the rest adds.

use super::{axes::product, matmul_nbits::positive};
use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Role, Work};

pub(super) struct RmsNorm;

impl Operator for RmsNorm {
    fn names(&self) -> &'static [&'static str] {
        &["BranchwiseRMSNorm", "EngramGate", "GatedRMSNorm", "RMSNormRotary"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, dtype) = (call.shape(0)?, call.dtype(0)?);
        if call.node.op.name() != "RMSNormRotary" {
            let fact = Fact::new(dtype, x);
            return Ok(vec![fact.clone(), fact]);
        }
        let &[batch, length, heads, stride] = x else {
            return Err(format!("{x:?} is not (batch, length, heads, width)").into());
        };
        // A slice of the last axis is normalised.
        let width = positive(call, "input_width").unwrap_or(stride);
        let half = if call.int("output_fp16", 0) != 0 { DType::F16 } else { dtype };
        let whole = match call.int("flatten_batch", 0) {
            0 => vec![batch, length, product([heads, width])?],
            _ => vec![product([batch, length])?, product([heads, width])?],
        };
        Ok(vec![Fact::new(half, whole), Fact::new(DType::F32, [batch, length, heads, width])])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Normalization
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Coordinates, Data, Scale, Setting};
        let roles: &[Role] = match node.op.name() {
            "BranchwiseRMSNorm" => &[Data, Scale],
            "EngramGate" => &[Data, Data, Data, Scale, Scale, Scale],
            "GatedRMSNorm" => &[Data, Scale, Data],
            _ => &[Data, Scale, Coordinates, Data, Data, Setting],
        };
        roles.get(i).copied()
    }

    /// A gate adds 3 and a rotation 3; EngramGate normalises twice, multiplies and sums, and gates.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let per_element = match call.node.op.name() {
            "BranchwiseRMSNorm" => 5,
            "EngramGate" => 13,
            _ => 8,
        };
        product([per_element, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn gates_and_rotations() {
        let (facts, work) = run("GatedRMSNorm", attrs([]), &[f32(&[2, 5, 64]), f32(&[16]), f32(&[2, 5, 64])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[2, 5, 64]), 8 * 640));
        let slice = attrs([("input_width", Attr::Int(48))]);
        let inputs = [f32(&[2, 5, 4, 64]), f32(&[48]), Fact::new(DType::I64, [2, 5]), f32(&[99, 16]), f32(&[99, 16])];
        assert_eq!(shape("RMSNormRotary", slice, &inputs).unwrap(), [2, 5, 192]);
        assert!(run("RMSNormRotary", attrs([]), &[f32(&[2, 5])]).is_err());
    }
}
