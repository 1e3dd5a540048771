//! Linear quantisation: 2 operations per element (scale and shift), 4 where the range is found on the way.

use super::axes::{dtype, product};
use crate::{Call, DType, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Quantize;

/// Operands of a quantised convolution and, but for the bias, of a quantised product of matrices: two factors, each
/// with scale and zero point, then those of the result.
pub(super) const QUANTIZED: [Role; 9] = [
    Role::Data,
    Role::Setting,
    Role::Setting,
    Role::Weight,
    Role::Setting,
    Role::Setting,
    Role::Setting,
    Role::Setting,
    Role::Bias,
];

impl Operator for Quantize {
    fn names(&self) -> &'static [&'static str] {
        &["DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let declared = dtype(call, "output_dtype")?;
        match call.node.op.name() {
            "DynamicQuantizeLinear" => {
                let scale = Fact::new(DType::F32, []);
                Ok(vec![Fact::new(DType::U8, x), scale, Fact::new(DType::U8, [])])
            }
            "DequantizeLinear" => Ok(vec![Fact::new(declared.unwrap_or(call.dtype(1)?), x)]),
            _ => {
                let zero_point = call.optional(2).map(|f| f.dtype);
                Ok(vec![Fact::new(zero_point.or(declared).unwrap_or(DType::U8), x)])
            }
        }
    }

    /// A range that is found on the way takes the whole tensor.
    fn fuses(&self, node: &Node) -> Fusion {
        if node.op.name() == "DynamicQuantizeLinear" { Fusion::Alone } else { Fusion::Follower }
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let dynamic = node.op.name() == "DynamicQuantizeLinear";
        [Role::Data, Role::Setting, Role::Setting].get(i).copied().filter(|_| !dynamic || i == 0)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let per_element = if call.node.op.name() == "DynamicQuantizeLinear" { 4 } else { 2 };
        product([per_element, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{DType, Fact, attrs};

    #[test]
    fn types_come_from_the_zero_point() {
        let (x, scale) = (f32(&[2, 3]), f32(&[]));
        let zero = Fact::new(DType::I8, []);
        let (facts, work) = run("QuantizeLinear", attrs([]), &[x.clone(), scale.clone(), zero]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (Fact::new(DType::I8, [2, 3]), 12));
        assert_eq!(run("QuantizeLinear", attrs([]), &[x.clone(), scale.clone()]).unwrap().0[0].dtype, DType::U8);
        assert_eq!(run("DequantizeLinear", attrs([]), &[facts[0].clone(), scale]).unwrap().0[0], f32(&[2, 3]));
        assert_eq!(run("DynamicQuantizeLinear", attrs([]), &[x]).unwrap().0.len(), 3);
    }
}
