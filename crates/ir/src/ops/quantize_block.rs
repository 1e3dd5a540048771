//! Conversions to and from layouts and block formats of special hardware: `QuantizeBFP` and `QuantizeWithOrder`, and
//! back. 2 operations per element, as for a linear quantisation.

use super::axes::{dtype, extents, product};
use crate::{Call, DType, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct QuantizeBlock;

impl Operator for QuantizeBlock {
    fn names(&self) -> &'static [&'static str] {
        &["DequantizeBFP", "DequantizeWithOrder", "QuantizeBFP", "QuantizeWithOrder"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        match call.node.op.name() {
            // How many bytes the blocks take is theirs to know.
            "QuantizeBFP" => {
                let list = Fact::new(DType::I64, [x.len() as u64]);
                Ok(vec![Fact::unknown(DType::U8), list.clone(), list])
            }
            "DequantizeBFP" => {
                Ok(vec![Fact::new(dtype(call, "dtype")?.unwrap_or(DType::F32), extents(call.ints(1)?)?)])
            }
            "QuantizeWithOrder" => Ok(vec![Fact::new(DType::I8, x)]),
            _ => Ok(vec![Fact::new(dtype(call, "to")?.unwrap_or(DType::F32), x)]),
        }
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match node.op.name() {
            "QuantizeBFP" => &[Role::Data],
            "DequantizeBFP" => &[Role::Data, Role::Shape, Role::Shape],
            _ => &[Role::Data, Role::Setting],
        };
        roles.get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let elements = match call.node.op.name() {
            "QuantizeBFP" => product(call.shape(0)?.iter().copied())?,
            _ => call.output_elements(0)?,
        };
        product([2, elements]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn shapes_stay_or_are_given() {
        let (facts, work) = run("QuantizeBFP", attrs([]), &[f32(&[3, 4])]).unwrap();
        assert_eq!((facts[0].shape.clone(), facts[1].shape.as_deref(), work.flops), (None, Some(&[2][..]), 24));
        let inputs = [Fact::new(DType::U8, [99]), ints(&[3, 4]), ints(&[4, 1])];
        let half = attrs([("dtype", Attr::Int(10))]);
        assert_eq!(run("DequantizeBFP", half, &inputs).unwrap().0[0], Fact::new(DType::F16, [3, 4]));
    }
}
