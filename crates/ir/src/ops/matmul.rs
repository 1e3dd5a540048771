//! Matrix product with NumPy's rules: (…, M, K) × (…, K, N) → (…, M, N), in floating point or quantised.

use super::{axes::product, quantize::QUANTIZED, values::broadcast};
use crate::{Call, Class, DType, Fact, Fvcore, Node, OpError, Operator, Role, Shape, Work};

pub(super) struct MatMul;

/// Positions of the two factors.
fn operands(call: &Call<'_>) -> (usize, usize) {
    if call.node.op.name() == "QLinearMatMul" { (0, 3) } else { (0, 1) }
}

/// Shape of the product and its inner extent.
pub(super) fn shape(a: &[u64], b: &[u64]) -> Result<(Shape, u64), OpError> {
    let refuse = || OpError::Invalid(format!("{a:?} and {b:?} cannot be multiplied"));
    let (batch_a, row, k) = match a {
        [k] => (&[][..], None, *k),
        [batch @ .., m, k] => (batch, Some(*m), *k),
        [] => return Err(refuse()),
    };
    let (batch_b, column, other) = match b {
        [k] => (&[][..], None, *k),
        [batch @ .., k, n] => (batch, Some(*n), *k),
        [] => return Err(refuse()),
    };
    if k != other {
        return Err(refuse());
    }
    let mut shape = broadcast([batch_a, batch_b]).map_err(|_| refuse())?;
    shape.extend(row);
    shape.extend(column);
    Ok((shape, k))
}

impl Operator for MatMul {
    fn names(&self) -> &'static [&'static str] {
        &["MatMul", "MatMulInteger", "QLinearMatMul"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (a, b) = operands(call);
        let (shape, _) = shape(call.shape(a)?, call.shape(b)?)?;
        let dtype = match call.node.op.name() {
            "MatMulInteger" => DType::I32,
            "QLinearMatMul" => call.dtype(7)?,
            _ => call.dtype(0)?,
        };
        Ok(vec![Fact::new(dtype, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match node.op.name() {
            "QLinearMatMul" => &QUANTIZED[..8],
            "MatMulInteger" => &[Role::Matrix, Role::Matrix, Role::Setting, Role::Setting],
            _ => &[Role::Matrix, Role::Matrix],
        };
        roles.get(i).copied()
    }

    fn fvcore(&self, call: &Call<'_>) -> Result<Fvcore, OpError> {
        Fvcore::products(self.work(call)?, call)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let (a, b) = operands(call);
        let (shape, inner) = shape(call.shape(a)?, call.shape(b)?)?;
        Work::macs(Some(product(shape.into_iter().chain([inner]))?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run, shape};
    use crate::{DType, Fact, attrs};

    #[test]
    fn batches_broadcast() {
        let (facts, work) = run("MatMul", attrs([]), &[f32(&[8, 1, 16, 64]), f32(&[12, 64, 32])]).unwrap();
        assert_eq!(facts[0], f32(&[8, 12, 16, 32]));
        assert_eq!(work.macs, 8 * 12 * 16 * 32 * 64);
    }

    #[test]
    fn vectors() {
        assert_eq!(shape("MatMul", attrs([]), &[f32(&[3]), f32(&[3])]).unwrap(), [0u64; 0]);
        assert_eq!(shape("MatMul", attrs([]), &[f32(&[2, 4, 3]), f32(&[3])]).unwrap(), [2, 4]);
        assert_eq!(shape("MatMul", attrs([]), &[f32(&[3]), f32(&[2, 3, 5])]).unwrap(), [2, 5]);
        assert!(shape("MatMul", attrs([]), &[f32(&[]), f32(&[2])]).is_err());
        assert!(shape("MatMul", attrs([]), &[f32(&[2, 3]), f32(&[2, 3])]).is_err());
    }

    #[test]
    fn integer_product_is_wide() {
        let i8 = |shape: &[u64]| Fact::new(DType::I8, shape);
        let (facts, _) = run("MatMulInteger", attrs([]), &[i8(&[2, 3]), i8(&[3, 4])]).unwrap();
        assert_eq!(facts[0], Fact::new(DType::I32, [2, 4]));
    }
}
