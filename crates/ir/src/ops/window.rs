//! Window functions of a given length, and the matrix that turns a spectrum into mel bands.

use super::axes::{dtype, extents};
use crate::{Call, DType, Fact, Fusion, Node, OpError, Operator, Role};

pub(super) struct Window;

impl Operator for Window {
    fn names(&self) -> &'static [&'static str] {
        &["BlackmanWindow", "HammingWindow", "HannWindow", "MelWeightMatrix"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let number = |i: usize| extents(call.ints(i)?)?.first().copied().ok_or(OpError::Unknown);
        let shape = match call.node.op.name() {
            "MelWeightMatrix" => vec![number(1)? / 2 + 1, number(0)?],
            _ => vec![number(0)?],
        };
        Ok(vec![Fact::new(dtype(call, "output_datatype")?.unwrap_or(DType::F32), shape)])
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match node.op.name() {
            "MelWeightMatrix" => &[Role::Shape, Role::Shape, Role::Setting, Role::Setting, Role::Setting],
            _ => &[Role::Shape],
        };
        roles.get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, int, run, shape};
    use crate::{Attr, DType, attrs};

    #[test]
    fn lengths_are_operands() {
        let (facts, work) = run("HannWindow", attrs([("output_datatype", Attr::Int(11))]), &[int(400)]).unwrap();
        assert_eq!((facts[0].dtype, facts[0].shape.clone(), work.flops), (DType::F64, Some(vec![400]), 400));
        let mel = [int(80), int(512), int(16000), f32(&[]), f32(&[])];
        assert_eq!(shape("MelWeightMatrix", attrs([]), &mel).unwrap(), [257, 80]);
        assert!(run("HammingWindow", attrs([]), &[int(-1)]).is_err());
    }
}
