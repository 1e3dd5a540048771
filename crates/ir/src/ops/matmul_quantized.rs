//! Products of matrices of integers that return floats, or integers of another width, in one step.

use super::{axes::product, matmul};
use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Role, Shape, Work};

pub(super) struct QuantizedMatMul;

const MATRIX: Role = Role::Matrix;
const SETTING: Role = Role::Setting;

/// Roles of the operands.
fn roles(op: &str) -> &'static [Role] {
    match op {
        "DynamicQuantizeMatMul" => &[Role::Data, Role::Weight, SETTING, SETTING, Role::Bias],
        "MatMulIntegerToFloat" => &[MATRIX, MATRIX, SETTING, SETTING, SETTING, SETTING, Role::Bias],
        "QOrderedMatMul" => &[Role::Data, SETTING, Role::Weight, SETTING, SETTING, Role::Bias, Role::Data, SETTING],
        _ => &[MATRIX, MATRIX],
    }
}

/// Shape of the product and its inner extent.
fn shape(call: &Call<'_>) -> Result<(Shape, u64), OpError> {
    let second = if call.node.op.name() == "QOrderedMatMul" { 2 } else { 1 };
    matmul::shape(call.shape(0)?, call.shape(second)?)
}

impl Operator for QuantizedMatMul {
    fn names(&self) -> &'static [&'static str] {
        &["DynamicQuantizeMatMul", "MatMulInteger16", "MatMulIntegerToFloat", "QOrderedMatMul"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let dtype = match call.node.op.name() {
            "MatMulInteger16" => DType::I32,
            "MatMulIntegerToFloat" => call.dtype(2)?,
            _ => call.dtype(0)?,
        };
        Ok(vec![Fact::new(dtype, shape(call)?.0)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        roles(node.op.name()).get(i).copied()
    }

    /// One operation more per element with a bias.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let (shape, inner) = shape(call)?;
        let mut work = Work::macs(Some(product(shape.into_iter().chain([inner]))?))?;
        let bias = roles(call.node.op.name()).iter().position(|&role| role == Role::Bias);
        if bias.is_some_and(|i| call.optional(i).is_some()) {
            work.flops = work.flops.saturating_add(call.output_elements(0)?);
        }
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32, run};
    use crate::{DType, Fact, attrs};

    #[test]
    fn quantises_on_the_way() {
        let (x, w, scale, bias) = (f32(&[2, 16, 64]), Fact::new(DType::I8, [64, 256]), f32(&[]), f32(&[256]));
        let inputs = [Some(&x), Some(&w), Some(&scale), None, Some(&bias)];
        let (facts, work) = call("DynamicQuantizeMatMul", attrs([]), &inputs, 1).unwrap();
        assert_eq!((facts[0].clone(), work.macs, work.flops), (f32(&[2, 16, 256]), 524_288, 2 * 524_288 + 8192));
    }

    #[test]
    fn integers_become_floats_of_the_scale() {
        let (x, w) = (Fact::new(DType::U8, [2, 16, 64]), Fact::new(DType::I8, [64, 256]));
        let (facts, work) = run("MatMulIntegerToFloat", attrs([]), &[x, w, f32(&[]), f32(&[])]).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[2, 16, 256]), 524_288));
        assert!(run("MatMulInteger16", attrs([]), &[f32(&[2, 3]), f32(&[4, 3])]).is_err());
    }
}
